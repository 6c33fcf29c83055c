"""실행 기록을 그림으로.

canvas: 글자, 색, 바탕. wording: 적을 말. units: 연산을 상자로 묶는다. branches: 갈라짐과 합쳐짐을 찾는다.
geometry, layout, tangle: 자리를 정한다. paths, overview: 신경망을 단계로 접는다.
solids: 단계를 입체 상자로, boxes: 갈래를 상자와 선으로 그린다.
"""
