"""연습 문제의 자료. 한 단원이 한 파일이고, 새 단원은 LESSONS와 NAMES에 한 줄씩 더한다."""

from cnnlab.teaching.exercises import Exercise
from cnnlab.teaching.questions import (
    q00_convolution,
    q01_lenet5,
    q02_alexnet,
    q03_zfnet,
    q04_vgg,
    q05_googlenet,
    q06_inception_v4,
    q07_resnet,
    q08_preact_resnet,
    q09_resnext,
    q10_senet,
    q11_densenet,
    q12_mobilenet,
    q13_compare,
)

LESSONS: dict[str, tuple[Exercise, ...]] = {
    "00": q00_convolution.EXERCISES,
    "01": q01_lenet5.EXERCISES,
    "02": q02_alexnet.EXERCISES,
    "03": q03_zfnet.EXERCISES,
    "04": q04_vgg.EXERCISES,
    "05": q05_googlenet.EXERCISES,
    "06": q06_inception_v4.EXERCISES,
    "07": q07_resnet.EXERCISES,
    "08": q08_preact_resnet.EXERCISES,
    "09": q09_resnext.EXERCISES,
    "10": q10_senet.EXERCISES,
    "11": q11_densenet.EXERCISES,
    "12": q12_mobilenet.EXERCISES,
    "13": q13_compare.EXERCISES,
}
NAMES: dict[str, str] = {
    "00": "합성곱 산수",
    "01": "LeNet-5",
    "02": "AlexNet",
    "03": "ZFNet",
    "04": "VGG",
    "05": "GoogLeNet",
    "06": "Inception-v4",
    "07": "ResNet",
    "08": "활성화를 앞에 둔 ResNet",
    "09": "ResNeXt",
    "10": "SENet",
    "11": "DenseNet",
    "12": "MobileNet",
    "13": "모두 견주기",
}
EXERCISES: dict[str, Exercise] = {one.id: one for lesson in LESSONS.values() for one in lesson}
