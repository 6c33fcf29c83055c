"""수용 영역의 이론과, 그것을 재는 연결.

axis(한 축의 산수) -> sight(특징 맵이 입력을 보는 모습), align(자리) -> maps, rules, joins, writes(규칙) -> field
linear(양수 가중치의 선형 연산) -> connectivity(기울기로 잰 연결)
"""
