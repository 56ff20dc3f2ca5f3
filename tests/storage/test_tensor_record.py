import pytest

from quantlab_helpers.storage.tensor_record import TensorRecord

RECORDS = [
    "fc1.weight:300x1568:3:k8h:e1234",
    "fc1.bias:300:32:f:r",
    "fc2.bias:10:16:fh:r",
    "conv1.weight:16x1x5x5:8:u:p",
    "conv2.weight:16x16x3x3:3:u@0:s77",
    "conv3.weight:32x16x3x3:4:z:h900",
    "bn1.weight:16:4:t16:p",
]


@pytest.mark.parametrize("text", RECORDS)
def test_tensor_record_parse_and_str(text):
    assert str(TensorRecord.parse(text)) == text


@pytest.mark.parametrize(
    ("text", "level_bytes", "code_bytes"),
    [
        ("fc1.weight:300x1568:3:k8h:e1234", 16, 1234),
        ("fc1.bias:300:32:f:r", 0, 1200),
        ("fc2.bias:10:16:fh:r", 0, 20),
        ("conv2.weight:16x16x3x3:3:u@0:p", 16 * 8, 16 * 16 * 9 * 3 // 8),
    ],
)
def test_tensor_record_counts_bytes(text, level_bytes, code_bytes):
    record = TensorRecord.parse(text)
    assert (record.level_bytes, record.code_bytes) == (level_bytes, code_bytes)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "fc1.weight:300x1568:3:k8h",
        "fc1.weight:300x1568:17:k8:p",
        "fc1.weight:300x1568:3:f:r",
        "fc1.weight:300x1568:3:k8:r",
        "fc1.weight:300x1568:3:k8@2:p",
        "fc1.weight:300x1568:3:k99999:p",
        "fc1.weight:9999999x9999999:16:k65536@0:p",
        "fc1.bias:300:3:k8:e99999999",
    ],
)
def test_tensor_record_parse_refuses_impossible_text(text):
    with pytest.raises(ValueError, match=r"not a record|impossible record"):
        TensorRecord.parse(text)
