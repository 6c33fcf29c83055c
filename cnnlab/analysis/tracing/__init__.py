"""신경망을 한 번 흘려 보내며 연산을 적는다.

calls(연산을 부른 그대로) -> windows, picks, products(인자 읽기) -> ops(연산의 표) -> checks(크기 검사)
names, attention, sandbox(사본) -> recorder -> run -> smallest(필요한 입력 크기)
"""
