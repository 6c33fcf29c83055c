"""연습 문제의 자료. 한 단원이 한 파일이고, 새 단원은 LESSONS에 한 줄을 더한다."""

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
EXERCISES: dict[str, Exercise] = {one.id: one for lesson in LESSONS.values() for one in lesson}
