"""Traditional Chinese written as Simplified Chinese, sign for sign, so that one list of phrases reads both.

Only signs that the phrases and patterns of this package hold are listed. Where Taiwan and Hong Kong use another word
of the same length, the word is replaced as a whole. Offsets stay those of the report.
"""

from __future__ import annotations

import re
from typing import Final

_TRADITIONAL: Final = (
    "萬與叢丟兩個臨為於雲從優傷偽體餘側傾關內減則別劑動勻區醫單佔歷壓釐參雙發變疊葉號後聽團圍圖圓壞塊殼處備復頭學實寬對導層屬"
    "島巖嶺師帶幹並牀應開異張彌強徵徑懷態惡擴掃報擬據數斷無舊時曠顯暈術雜權條來極構樞樣橋檢橢橫殘溝沒淺測漸滲點狀環現暢瘻癱鹽"
    "蓋著礦確礙離積稱穩窩竇篩簡類紅約級縱紋線組細織經結給絡統繼續綿緩緣縮網聯腫脹膽膠脈腦膿腳脫節蒼範藥慮見觀規視覺認議訊許論"
    "訪證識訴診語請譜質資轉軟軸輕較輻邊過運進遲選鄰採鑑鈣鉤鈎鐵鐮長間陰陳隨難靜頁頂項須顱頸頜額顳馬驗鮮黃齒齡裡裏爲繫係髮乾該"
    "灣癥塵輸執痺損"
)
_SIMPLIFIED: Final = (
    "万与丛丢两个临为于云从优伤伪体余侧倾关内减则别剂动匀区医单占历压厘参双发变叠叶号后听团围图圆坏块壳处备复头学实宽对导层属"
    "岛岩岭师带干并床应开异张弥强征径怀态恶扩扫报拟据数断无旧时旷显晕术杂权条来极构枢样桥检椭横残沟没浅测渐渗点状环现畅瘘瘫盐"
    "盖着矿确碍离积称稳窝窦筛简类红约级纵纹线组细织经结给络统继续绵缓缘缩网联肿胀胆胶脉脑脓脚脱节苍范药虑见观规视觉认议讯许论"
    "访证识诉诊语请谱质资转软轴轻较辐边过运进迟选邻采鉴钙钩钩铁镰长间阴陈随难静页顶项须颅颈颌额颞马验鲜黄齿龄里里为系系发干该"
    "湾症尘输执痹损"
)
_SIGNS: Final = {ord(old): new for old, new in zip(_TRADITIONAL, _SIMPLIFIED, strict=True) if old != new}
# Other words for the same thing; each pair has one length.
_WORDS: Final = {
    "訊號": "信号",
    "顯影劑": "对比剂",
    "顯影": "强化",
    "移轉": "转移",
}
_WORD: Final = re.compile("|".join(sorted(_WORDS, key=len, reverse=True)))


def simplified(text: str) -> str:
    """The same text in Simplified signs and words; its length stays."""
    return _WORD.sub(lambda found: _WORDS[found.group()], text).translate(_SIGNS)
