"""ZFNet: AlexNet의 첫 두 층을 촘촘하게 고친 것, 뒤의 층을 넓힌 것(b), CIFAR-10용 형제.

Zeiler, Fergus 2014, "Visualizing and Understanding Convolutional Networks", 그림 3, 3절, 4.1절, 표 2와 표 3.
"""

from torch import Tensor, nn

from cnnlab.layers import LocalResponseNorm, he_init_everywhere

# 합성곱 3, 4, 5의 출력 채널
CHANNELS = {
    "a": (384, 384, 256),  # 그림 3
    "b": (512, 1024, 512),  # 표 2의 (b), 표 3의 "Adjust Layers 3,4,5": 글들이 ZFNet이라고 옮겨 적는 값
}


class ZFNet(nn.Module):
    """합성곱 다섯과 완전 연결 셋. conv1이 7x7 stride 2, conv2가 5x5 stride 2이고 그룹이 없다.

    입력 (N, 3, 224, 224), 출력 (N, num_classes) 로짓. 합성곱 -> ReLU -> 최대 풀링 -> 정규화의 차례다(그림 3).
    channels: 합성곱 3, 4, 5의 출력 채널.
    논문은 패딩을 적지 않았다. 그림 3의 크기 110, 55, 26, 13, 13, 13, 13, 6이 모두 나오는 것을 골랐다: conv1에 1,
    conv2에 0, conv3-5에 1, 풀링에는 패딩 없이 ceil_mode(110 -> 55와 26 -> 13에서 마지막 창이 그림 밖으로 나간다).
    정규화: 논문은 'contrast normalized across feature maps'라고만 하고 식을 적지 않은 채 AlexNet의 논문과
    Jarrett et al. 2009를 가리킨다. 여기서는 AlexNet의 국소 반응 정규화로 대신한다.
    논문과 다른 점: 학습할 때 커널의 RMS를 0.1로 묶는 것(3절)은 신경망이 아니라 학습의 일이라 없다.
    """

    def __init__(self, num_classes: int = 1000, channels: tuple[int, int, int] = CHANNELS["a"]) -> None:
        super().__init__()
        c3, c4, c5 = channels
        self.conv1 = nn.Conv2d(3, 96, kernel_size=7, stride=2, padding=1)
        self.relu1 = nn.ReLU()
        self.pool1 = nn.MaxPool2d(3, stride=2, ceil_mode=True)
        self.norm1 = LocalResponseNorm()
        self.conv2 = nn.Conv2d(96, 256, kernel_size=5, stride=2)
        self.relu2 = nn.ReLU()
        self.pool2 = nn.MaxPool2d(3, stride=2, ceil_mode=True)
        self.norm2 = LocalResponseNorm()
        self.conv3 = nn.Conv2d(256, c3, kernel_size=3, padding=1)
        self.relu3 = nn.ReLU()
        self.conv4 = nn.Conv2d(c3, c4, kernel_size=3, padding=1)
        self.relu4 = nn.ReLU()
        self.conv5 = nn.Conv2d(c4, c5, kernel_size=3, padding=1)
        self.relu5 = nn.ReLU()
        self.pool5 = nn.MaxPool2d(3, stride=2, ceil_mode=True)
        self.flatten = nn.Flatten()
        self.fc6 = nn.Linear(c5 * 6 * 6, 4096)
        self.relu6 = nn.ReLU()
        self.drop6 = nn.Dropout(0.5)
        self.fc7 = nn.Linear(4096, 4096)
        self.relu7 = nn.ReLU()
        self.drop7 = nn.Dropout(0.5)
        self.fc8 = nn.Linear(4096, num_classes)
        self._initialise()

    def forward(self, x: Tensor) -> Tensor:
        x = self.norm1(self.pool1(self.relu1(self.conv1(x))))  # (N, 96, 55, 55)
        x = self.norm2(self.pool2(self.relu2(self.conv2(x))))  # (N, 256, 13, 13)
        x = self.relu4(self.conv4(self.relu3(self.conv3(x))))  # (N, 384, 13, 13)
        x = self.pool5(self.relu5(self.conv5(x)))  # (N, 256, 6, 6)
        x = self.drop6(self.relu6(self.fc6(self.flatten(x))))  # (N, 4096)
        x = self.drop7(self.relu7(self.fc7(x)))  # (N, 4096)
        return self.fc8(x)

    def _initialise(self) -> None:
        """가중치는 모두 0.01, 편향은 0(3절). 모두 같은 값이면 배우지 못하므로 표준편차가 0.01인 정규 분포로 읽는다."""
        for module in self.children():
            if isinstance(module, nn.Conv2d | nn.Linear):
                nn.init.normal_(module.weight, 0, 0.01)
                nn.init.zeros_(module.bias)  # type: ignore[arg-type]


class CifarZFNet(nn.Module):
    """32x32용: 합성곱과 ReLU와 최대 풀링이 한 줄로 이어져, deconvnet으로 화소까지 되돌릴 수 있다.

    입력 (N, 3, 32, 32), 출력 (N, num_classes) 로짓.
    kernel: conv1의 커널. strides: conv1과 conv2의 stride. (1, 2)가 ZFNet, (2, 1)이 AlexNet 쪽이고 conv2 뒤의 크기는
    같다: 어느 쪽이 먼저 성기게 보는지만 다르다.
    논문과 다른 점:
      conv1은 7x7 stride 2가 아니라 5x5 stride 1이다: 32x32에서 두 번 더 줄이면 conv3-5에 2x2만 남는다.
      채널은 논문의 1/4(24-64-96-96-64), 완전 연결은 4096이 아니라 256이다: CPU 2코어에서 1분 동안 배울 크기다.
      정규화를 뺐다: deconvnet은 정규화를 되돌리지 않으므로, 없어야 되돌린 그림에 어림이 들지 않는다.
      초깃값은 He et al. 2015의 것이다: N(0, 0.01)이면 작은 신경망에서 신호가 사라져 배우지 못한다.
    """

    def __init__(self, num_classes: int = 10, kernel: int = 5, strides: tuple[int, int] = (1, 2)) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(3, 24, kernel, strides[0], padding=kernel // 2)
        self.relu1 = nn.ReLU()
        self.pool1 = nn.MaxPool2d(3, stride=2, ceil_mode=True)
        self.conv2 = nn.Conv2d(24, 64, 5, strides[1], padding=2)
        self.relu2 = nn.ReLU()
        self.pool2 = nn.MaxPool2d(3, stride=2, ceil_mode=True)
        self.conv3 = nn.Conv2d(64, 96, kernel_size=3, padding=1)
        self.relu3 = nn.ReLU()
        self.conv4 = nn.Conv2d(96, 96, kernel_size=3, padding=1)
        self.relu4 = nn.ReLU()
        self.conv5 = nn.Conv2d(96, 64, kernel_size=3, padding=1)
        self.relu5 = nn.ReLU()
        self.pool5 = nn.MaxPool2d(3, stride=2, ceil_mode=True)
        self.flatten = nn.Flatten()
        self.fc6 = nn.Linear(64 * 2 * 2, 256)
        self.relu6 = nn.ReLU()
        self.drop6 = nn.Dropout(0.5)
        self.fc7 = nn.Linear(256, 256)
        self.relu7 = nn.ReLU()
        self.drop7 = nn.Dropout(0.5)
        self.fc8 = nn.Linear(256, num_classes)
        he_init_everywhere(self)

    def forward(self, x: Tensor) -> Tensor:
        x = self.pool1(self.relu1(self.conv1(x)))  # (N, 24, 16, 16)
        x = self.pool2(self.relu2(self.conv2(x)))  # (N, 64, 4, 4)
        x = self.relu4(self.conv4(self.relu3(self.conv3(x))))  # (N, 96, 4, 4)
        x = self.pool5(self.relu5(self.conv5(x)))  # (N, 64, 2, 2)
        x = self.drop6(self.relu6(self.fc6(self.flatten(x))))  # (N, 256)
        x = self.drop7(self.relu7(self.fc7(x)))  # (N, 256)
        return self.fc8(x)


def zfnet(num_classes: int = 1000) -> ZFNet:
    """그림 3의 ZFNet: 합성곱 3-5가 384, 384, 256. 입력 3x224x224, 매개변수 62,357,608개."""
    return ZFNet(num_classes)


def zfnet_b(num_classes: int = 1000) -> ZFNet:
    """합성곱 3-5를 512, 1024, 512로 넓힌 것(표 2의 b). 입력 3x224x224, 매개변수 107,627,624개."""
    return ZFNet(num_classes, CHANNELS["b"])


def zfnet_cifar(num_classes: int = 10) -> CifarZFNet:
    """CIFAR-10용 형제. 입력 3x32x32, 매개변수 368,234개."""
    return CifarZFNet(num_classes)
