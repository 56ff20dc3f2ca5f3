# %% right, numpy
def accuracy(logits, labels):
    return np.mean(np.argmax(logits.numpy(), axis=1) == labels.numpy())

# %% right, loop over the images
def accuracy(logits, labels):
    right = 0
    for row, label in zip(logits.tolist(), labels.tolist(), strict=True):
        if row.index(max(row)) == label:
            right += 1
    return right / len(labels)

# %% right, torch max with its places
def accuracy(logits, labels):
    _, places = torch.max(logits, dim=-1)
    return places.eq(labels).sum() / labels.shape[0]

# %% right, largest probability
def accuracy(logits, labels):
    probabilities = F.softmax(logits, dim=1)
    return float((probabilities.topk(1).indices.squeeze(1) == labels).double().mean())

# %% right, trace of the confusion matrix
def accuracy(logits, labels):
    classes = logits.shape[1]
    confusion = torch.bincount(labels * classes + logits.argmax(1), minlength=classes**2)
    return confusion.reshape(classes, classes).trace().item() / confusion.sum().item()

# %% right, sorted places
def accuracy(logits, labels):
    return sum(logits.argsort(dim=1)[:, -1] == labels) / len(labels)

# %% wrong, percent
# says: you returned percent
def accuracy(logits, labels):
    return 100 * (logits.argmax(1) == labels).float().mean()

# %% wrong, the count
# says: how many are right
def accuracy(logits, labels):
    return (logits.argmax(1) == labels).sum().item()

# %% wrong, the error rate
# says: the error rate
def accuracy(logits, labels):
    return (logits.argmax(1) != labels).float().mean()

# %% wrong, integer division
# says: you divided integers
def accuracy(logits, labels):
    return (logits.argmax(1) == labels).sum() // len(labels)

# %% wrong, an integer at the end
# says: you divided integers
def accuracy(logits, labels):
    return int((logits.argmax(1) == labels).float().mean())

# %% wrong, axis of the images
# says: the largest logit of each column
def accuracy(logits, labels):
    return (logits.argmax(0) == labels).float().mean()

# %% wrong, max for argmax
# says: the prediction is its index
def accuracy(logits, labels):
    return (logits.max(1).values == labels).float().mean()

# %% wrong, argmin
# says: the smallest logit
def accuracy(logits, labels):
    return (logits.argmin(dim=1) == labels).float().mean()

# %% wrong, places counted from one
# says: you counted from 1
def accuracy(logits, labels):
    return (logits.argmax(dim=1) + 1 == labels).float().mean()

# %% wrong, rounded
# says: you rounded to two decimals
def accuracy(logits, labels):
    return round((logits.argmax(1) == labels).float().mean().item(), 2)

# %% wrong, batch size of the course
# says: you divided by 100
def accuracy(logits, labels):
    return (logits.argmax(1) == labels).sum() / 100

# %% wrong, divided by all logits
# says: the number of logits
def accuracy(logits, labels):
    return (logits.argmax(1) == labels).sum() / logits.numel()

# %% wrong, divided by the classes
# says: the number of classes
def accuracy(logits, labels):
    return (logits.argmax(1) == labels).sum() / logits.shape[1]

# %% wrong, last batch only
# says: the last batch only
def accuracy(logits, labels):
    for start in range(0, len(labels), 100):
        batch = slice(start, start + 100)
        share = (logits[batch].argmax(1) == labels[batch]).float().mean()
    return share

# %% wrong, mean of the batches
# says: the mean of the batches' accuracies
def accuracy(logits, labels):
    pairs = zip(logits.split(100), labels.split(100), strict=True)
    return np.mean([(x.argmax(1) == y).float().mean().item() for x, y in pairs])

# %% wrong, exp overflows
# says: infinity divided by infinity
def accuracy(logits, labels):
    powers = torch.exp(logits)
    return ((powers / powers.sum(1, keepdim=True)).argmax(1) == labels).float().mean()

# %% wrong, searches from zero
# says: your search for the largest logit begins at 0
def accuracy(logits, labels):
    right = 0
    for row, label in zip(logits, labels, strict=True):
        best, place = 0.0, 0
        for i, logit in enumerate(row):
            if logit > best:
                best, place = logit, i
        right += int(place == label)
    return right / len(labels)

# %% wrong, mean of truth values
# says: raised RuntimeError
def accuracy(logits, labels):
    return (logits.argmax(1) == labels).mean()

# %% wrong, one truth value per image
# says: expected one number
def accuracy(logits, labels):
    return logits.argmax(1) == labels

# %% wrong, sorts the logits in place
# says: changed its argument
def accuracy(logits, labels):
    places = logits.argmax(1)
    logits[:] = logits.sort(1).values
    return (places == labels).float().mean()

# %% wrong, fits the example only
# says: the same for every input
def accuracy(logits, labels):
    return 0.5

# %% wrong, prints instead of returning
# says: returned None
def accuracy(logits, labels):
    print((logits.argmax(1) == labels).float().mean())
