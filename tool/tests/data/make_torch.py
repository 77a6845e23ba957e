"""Writes the state dicts of PyTorch that the tests read, with what PyTorch predicts.

python3 make_torch.py, with the packages torch (1.13 wrote these files), numpy and safetensors

Each torch_NAME.safetensors has golden values in torch_NAME.golden.safetensors: `x`, samples in the
layout of Rosenblatt (channels last), and `y`, the predictions.
"""
import numpy as np
import torch
from safetensors.numpy import save_file
from torch import nn

torch.manual_seed(1957)


class Mlp(nn.Module):
    def __init__(self):
        super().__init__()
        self.fc1 = nn.Linear(6, 8)
        self.norm = nn.LayerNorm(8, eps=1e-5)
        self.fc2 = nn.Linear(8, 8, bias=False)
        self.fc10 = nn.Linear(8, 3)

    def forward(self, x):
        x = torch.tanh(self.norm(torch.relu(self.fc1(x))))
        return torch.softmax(self.fc10(torch.sigmoid(self.fc2(x))), 1)


class Cnn(nn.Module):
    def __init__(self):
        super().__init__()
        self.features = nn.Sequential(
            nn.Conv2d(2, 4, (3, 2)), nn.BatchNorm2d(4), nn.ReLU(), nn.MaxPool2d(2)
        )
        self.head = nn.Sequential(
            nn.Flatten(), nn.BatchNorm1d(36, eps=1e-4, momentum=0.2), nn.Linear(36, 7),
            nn.LeakyReLU(0.1), nn.Linear(7, 3),
        )

    def forward(self, x):
        return self.head(self.features(x))


class Conv1d(nn.Module):
    def __init__(self):
        super().__init__()
        self.body = nn.Sequential(
            nn.Conv1d(3, 4, 3, stride=2), nn.ReLU(), nn.Flatten(), nn.Linear(20, 2)
        )

    def forward(self, x):
        return self.body(x)


class Recurrent(nn.Module):
    def __init__(self):
        super().__init__()
        self.gru = nn.GRU(3, 5, num_layers=2, batch_first=True)
        self.lstm = nn.LSTM(5, 4, batch_first=True)
        self.rnn = nn.RNN(4, 6, batch_first=True)
        self.out = nn.Linear(6, 2)

    def forward(self, x):
        x, _ = self.gru(x)
        x, _ = self.lstm(x)
        x, _ = self.rnn(x)
        return self.out(x[:, -1])


def array(tensor):
    return np.ascontiguousarray(np.array(tensor.tolist(), dtype="f4"))


for make, shape in [(Mlp, (6,)), (Cnn, (2, 9, 8)), (Conv1d, (3, 11)), (Recurrent, (7, 3))]:
    name = make.__name__.lower()
    model = make().eval()
    for key, tensor in model.state_dict().items():
        if key.endswith("running_var"):
            tensor.uniform_(0.2, 1.5)
        elif tensor.dtype == torch.float32:
            tensor.normal_(0, 0.5)
    x = torch.randn(16, *shape)
    with torch.no_grad():
        y = model(x)
    tensors = {key: array(t) for key, t in model.state_dict().items() if t.dtype == torch.float32}
    save_file(tensors, f"torch_{name}.safetensors", metadata={"format": "pt"})
    if name in ("cnn", "conv1d"):
        x = x.movedim(1, -1)
    save_file({"x": array(x), "y": array(y)}, f"torch_{name}.golden.safetensors")
    print(f"{name:10} {sum(t.size for t in tensors.values()):4} values, first output {y[0].tolist()}")
