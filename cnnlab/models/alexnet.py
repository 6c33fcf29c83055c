"""AlexNet: 2012년 논문의 것(두 탑), 한 탑으로 고친 것, CIFAR-10용 형제.

Krizhevsky, Sutskever, Hinton 2012, "ImageNet Classification with Deep Convolutional Neural Networks",
3.5절과 그림 2. 한 탑은 Krizhevsky 2014, "One weird trick for parallelizing convolutional neural networks"의 것이다.
"""

from torch import Tensor, nn

from cnnlab.layers import LocalResponseNorm, he_init_everywhere


class AlexNet(nn.Module):
    """합성곱 다섯과 완전 연결 셋, 두 탑. 합성곱 2, 4, 5는 같은 탑의 채널만 본다(groups=2). 매개변수 60,965,224개.

    입력 (N, 3, 227, 227), 출력 (N, num_classes) 로짓. 논문은 입력을 224라고 적었지만, 패딩 없이 55x55가 나오려면
    227이어야 한다: (227 - 11) / 4 + 1 = 55.
    논문과 다른 점: 두 탑을 한 장치에서 그룹 합성곱으로 셈한다. 채널의 앞 절반이 한 탑, 뒤 절반이 다른 탑이다.
    """

    def __init__(self, num_classes: int = 1000) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(3, 96, kernel_size=11, stride=4)
        self.relu1 = nn.ReLU()
        self.lrn1 = LocalResponseNorm()
        self.pool1 = nn.MaxPool2d(3, stride=2)  # 3.4절: 창이 stride보다 커서 겹친다
        self.conv2 = nn.Conv2d(96, 256, kernel_size=5, padding=2, groups=2)
        self.relu2 = nn.ReLU()
        self.lrn2 = LocalResponseNorm()
        self.pool2 = nn.MaxPool2d(3, stride=2)
        self.conv3 = nn.Conv2d(256, 384, kernel_size=3, padding=1)  # 두 탑이 여기에서 서로를 본다
        self.relu3 = nn.ReLU()
        self.conv4 = nn.Conv2d(384, 384, kernel_size=3, padding=1, groups=2)
        self.relu4 = nn.ReLU()
        self.conv5 = nn.Conv2d(384, 256, kernel_size=3, padding=1, groups=2)
        self.relu5 = nn.ReLU()
        self.pool5 = nn.MaxPool2d(3, stride=2)
        self.flatten = nn.Flatten()
        self.fc6 = nn.Linear(256 * 6 * 6, 4096)
        self.relu6 = nn.ReLU()
        self.drop6 = nn.Dropout(0.5)
        self.fc7 = nn.Linear(4096, 4096)
        self.relu7 = nn.ReLU()
        self.drop7 = nn.Dropout(0.5)
        self.fc8 = nn.Linear(4096, num_classes)
        self._initialise()

    def forward(self, x: Tensor) -> Tensor:
        x = self.pool1(self.lrn1(self.relu1(self.conv1(x))))  # (N, 96, 27, 27)
        x = self.pool2(self.lrn2(self.relu2(self.conv2(x))))  # (N, 256, 13, 13)
        x = self.relu4(self.conv4(self.relu3(self.conv3(x))))  # (N, 384, 13, 13)
        x = self.pool5(self.relu5(self.conv5(x)))  # (N, 256, 6, 6)
        x = self.drop6(self.relu6(self.fc6(self.flatten(x))))  # (N, 4096)
        x = self.drop7(self.relu7(self.fc7(x)))  # (N, 4096)
        return self.fc8(x)

    def _initialise(self) -> None:
        """가중치는 N(0, 0.01), 편향은 0이나 1(5절): 1이면 ReLU가 처음부터 양수를 받아 빨리 배운다."""
        ones = (self.conv2, self.conv4, self.conv5, self.fc6, self.fc7)
        for module in self.children():
            if isinstance(module, nn.Conv2d | nn.Linear):
                nn.init.normal_(module.weight, 0, 0.01)
                nn.init.constant_(module.bias, float(module in ones))  # type: ignore[arg-type]


class OneTowerAlexNet(nn.Module):
    """두 탑을 하나로 합친 것: 그룹도 LRN도 없고, conv1과 conv2의 채널이 적다. torchvision의 alexnet과 같다.

    입력 (N, 3, 224, 224), 출력 (N, num_classes) 로짓. 패딩이 2이므로 224에서 55가 된다: (224 + 2*2 - 11) / 4 + 1.
    층의 번호(features.0, classifier.1)가 torchvision과 같아서 그 가중치를 그대로 불러올 수 있다.
    2014년 논문과 다른 점: conv4의 채널이 256이다(논문은 384; torchvision이 그렇다).
    """

    def __init__(self, num_classes: int = 1000) -> None:
        super().__init__()
        self.features = nn.Sequential(
            *(nn.Conv2d(3, 64, kernel_size=11, stride=4, padding=2), nn.ReLU(), nn.MaxPool2d(3, stride=2)),
            *(nn.Conv2d(64, 192, kernel_size=5, padding=2), nn.ReLU(), nn.MaxPool2d(3, stride=2)),
            *(nn.Conv2d(192, 384, kernel_size=3, padding=1), nn.ReLU()),
            *(nn.Conv2d(384, 256, kernel_size=3, padding=1), nn.ReLU()),
            *(nn.Conv2d(256, 256, kernel_size=3, padding=1), nn.ReLU(), nn.MaxPool2d(3, stride=2)),
        )
        self.avgpool = nn.AdaptiveAvgPool2d(6)  # 224에서는 이미 6x6이라 그대로다. 다른 크기의 입력도 받게 한다
        self.flatten = nn.Flatten()
        self.classifier = nn.Sequential(
            *(nn.Dropout(0.5), nn.Linear(256 * 6 * 6, 4096), nn.ReLU()),
            *(nn.Dropout(0.5), nn.Linear(4096, 4096), nn.ReLU()),
            nn.Linear(4096, num_classes),
        )

    def forward(self, x: Tensor) -> Tensor:
        x = self.avgpool(self.features(x))  # (N, 256, 6, 6)
        return self.classifier(self.flatten(x))


class CifarAlexNet(nn.Module):
    """32x32용: 논문의 생각마다 스위치가 하나씩 있다. 입력 (N, 3, 32, 32), 출력 (N, num_classes) 로짓.

    activation: 활성화 함수의 클래스(3.1절; 논문의 비교 상대는 nn.Tanh).
    overlapping: True이면 3x3 창을 2씩 미는 풀링(3.4절), False이면 겹치지 않는 2x2다. 특징 맵의 크기는 같다.
    lrn: 국소 반응 정규화를 하는가(3.3절). dropout: 완전 연결의 출력을 버릴 확률(4.2절), 0이면 버리지 않는다.
    groups: 2이면 두 탑(3.2절), 1이면 한 탑. 한 탑에서는 합성곱 2, 4, 5의 가중치가 두 배다.

    논문과 다른 점:
      conv1은 11x11 stride 4가 아니라 5x5 stride 2다: 32x32를 네 배로 줄이면 conv3-5에 2x2만 남는다.
      채널은 논문의 1/4(24-64-96-96-64), 완전 연결은 4096이 아니라 256이다: CPU 2코어에서 1분 동안 배울 크기다.
      풀링은 ceil_mode다: 논문의 55, 27, 13은 홀수라 겹치든 아니든 크기가 같지만 여기의 16, 8, 4는 그렇지 않다.
      초깃값은 He et al. 2015의 것이다: N(0, 0.01)이면 작은 신경망에서 신호가 사라져 배우지 못한다.
    """

    def __init__(
        self,
        num_classes: int = 10,
        activation: type[nn.Module] = nn.ReLU,
        overlapping: bool = True,
        lrn: bool = True,
        dropout: float = 0.5,
        groups: int = 2,
    ) -> None:
        super().__init__()
        window = 3 if overlapping else 2
        norm = LocalResponseNorm if lrn else nn.Identity
        self.conv1 = nn.Conv2d(3, 24, kernel_size=5, stride=2, padding=2)
        self.act1 = activation()
        self.lrn1 = norm()
        self.pool1 = nn.MaxPool2d(window, stride=2, ceil_mode=True)
        self.conv2 = nn.Conv2d(24, 64, kernel_size=5, padding=2, groups=groups)
        self.act2 = activation()
        self.lrn2 = norm()
        self.pool2 = nn.MaxPool2d(window, stride=2, ceil_mode=True)
        self.conv3 = nn.Conv2d(64, 96, kernel_size=3, padding=1)
        self.act3 = activation()
        self.conv4 = nn.Conv2d(96, 96, kernel_size=3, padding=1, groups=groups)
        self.act4 = activation()
        self.conv5 = nn.Conv2d(96, 64, kernel_size=3, padding=1, groups=groups)
        self.act5 = activation()
        self.pool5 = nn.MaxPool2d(window, stride=2, ceil_mode=True)
        self.flatten = nn.Flatten()
        self.fc6 = nn.Linear(64 * 2 * 2, 256)
        self.act6 = activation()
        self.drop6 = nn.Dropout(dropout)
        self.fc7 = nn.Linear(256, 256)
        self.act7 = activation()
        self.drop7 = nn.Dropout(dropout)
        self.fc8 = nn.Linear(256, num_classes)
        he_init_everywhere(self)

    def forward(self, x: Tensor) -> Tensor:
        x = self.pool1(self.lrn1(self.act1(self.conv1(x))))  # (N, 24, 8, 8)
        x = self.pool2(self.lrn2(self.act2(self.conv2(x))))  # (N, 64, 4, 4)
        x = self.act4(self.conv4(self.act3(self.conv3(x))))  # (N, 96, 4, 4)
        x = self.pool5(self.act5(self.conv5(x)))  # (N, 64, 2, 2)
        x = self.drop6(self.act6(self.fc6(self.flatten(x))))  # (N, 256)
        x = self.drop7(self.act7(self.fc7(x)))  # (N, 256)
        return self.fc8(x)


def alexnet(num_classes: int = 1000) -> AlexNet:
    """2012년 논문의 두 탑. 입력 3x227x227, 매개변수 60,965,224개."""
    return AlexNet(num_classes)


def alexnet_one_tower(num_classes: int = 1000) -> OneTowerAlexNet:
    """torchvision의 alexnet. 입력 3x224x224, 매개변수 61,100,840개."""
    return OneTowerAlexNet(num_classes)


def alexnet_cifar(num_classes: int = 10) -> CifarAlexNet:
    """CIFAR-10용 형제, 스위치가 모두 논문대로인 것. 입력 3x32x32, 매개변수 279,914개. 스위치는 CifarAlexNet에 있다."""
    return CifarAlexNet(num_classes)
