def test_outlier_takes_levels_and_clipping_restores(explore):
    explorer = explore("explore_outlier")
    used, sqnr = [], []
    for size in (4, 20, 40):
        explorer.controls["size"].value = size
        levels, _, decibels = explorer.view.levels_and_sqnr(explorer.settings)
        used.append(levels)
        sqnr.append(decibels)
    assert used == sorted(used, reverse=True) and sqnr == sorted(sqnr, reverse=True)
    assert used[0] > 12 and used[-1] < 5
    explorer.controls["range"].value = "clip"
    assert explorer.view.levels_and_sqnr(explorer.settings)[2] > sqnr[0] - 1
    assert float(explorer.facts["error of the outlier"]) > 1
    explorer.controls["range"].value = "per_channel"
    assert sqnr[-1] < explorer.view.levels_and_sqnr(explorer.settings)[2]
    assert explorer.facts["overhead"] == "128 bytes" and explorer.error == ""
