"""Names, places, dates and numbers in Chinese reports.

A name is recognised by the field label before it, by the title after it, or by a word for a patient or a relative
before it. Without a field label and a colon, a name must begin with a known family name. Medical words that begin with
the same character are not changed.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

_FAMILY = (
    "赵钱孙李周吴郑王冯陈卫蒋沈韩杨朱秦许何吕张孔曹华金魏陶姜谢邹苏潘葛范彭鲁马方俞任袁柳史唐薛雷贺倪汤罗郝安常乐于时傅卞齐康伍余顾孟黄穆萧尹姚邵汪毛臧"
    "戴宋庞熊纪舒屈项祝董梁杜阮蓝闵席季贾江童颜郭梅林钟徐邱骆高夏蔡田樊胡凌霍万柯管卢莫房裘缪丁宣邓洪包左石崔吉龚程邢裴陆翁荀羊惠曲封储靳段焦侯车全班仰秋仲伊"
    "宫宁仇栾甘厉戎祖武符刘景詹龙叶司黎白蒲从鄂索赖卓蔺屠蒙池乔谭劳姬申冉雍温庄晏柴瞿阎连习艾容向古易廖终衡步耿满匡国文寇广欧沃利越师巩聂关付肖闫"
)
_COMPOUND = "欧阳|司马|上官|诸葛|东方|皇甫|尉迟|公孙|慕容|令狐|宇文|长孙|司徒|夏侯"
_NAME = rf"(?:(?:{_COMPOUND})[\u4e00-\u9fff]{{1,2}}|[{_FAMILY}][\u4e00-\u9fff]{{1,2}})"
# Medical and everyday words that begin with a family name's character; they are not names.
_NO_NAME = re.compile(
    "高血|高热|高龄|高信|高密|高度|高脂|高位|左[侧额颞顶枕基小大上下眼耳肢手足内外丘]|白质|白细|白色|白内|黄疸|黄斑|"
    "方法|于[入出今昨前外本我]|曾[有行因于患经]|常规|"
    "时有|时间|全身|全脑|任何|安静|平扫|温度|水肿|金属|车祸|步态|何时|连续|程度|关节|石[骨]|文化|向[上下左右前后]|"
    "从[事]|包块|安排|万一|广泛|国内|容易|易[发]|"
    "终末|利[尿]|越来|师[从]|连[续]|宁[可]|马[尾上]|方[便向]|包[括膜埋]|明显|强化|管[腔状壁]|古[典]|段[性]|全[部程]|"
    "焦[虑]|车[祸]|封[闭]|石[灰]|惠|景[象]|容[积量]"
)
_TITLE = "医生|医师|主任|副主任|教授|大夫|护士|护师|技师|先生|女士|小姐|老师|同志|院长|主治"
_FIELDS_NAME = (
    "姓名|患者姓名|病人姓名|报告医师|报告医生|报告人|报告者|审核医师|审核医生|审核人|审核|审核者|诊断医师|诊断医生|"
    "书写医师|书写|送检医生|送检医师|申请医师|申请医生|申请人|"
    "主治医师|主管医生|主任医师|技师|技术员|检查医师|检查者|检查技师|操作者|联系人|家属|签名|签字|医师签名|医生|医师|"
    "录入|打印|复核|复核医师"
)
_FIELDS_PLACE = (
    "检查医院|送检医院|医院|单位|送检单位|申请科室|科室|病区|病房|住址|地址|家庭住址|现住址|籍贯|"
    "工作单位|检查地点|送检科室"
)
_FIELDS_NUMBER = (
    "住院号|门诊号|病案号|病历号|检查号|影像号|登记号|床号|卡号|身份证号?|身份证号码|医保号|编号|报告编号|申请单号|"
    "ID号?|联系电话|电话|手机|手机号|联系方式|邮编|条码号?|"
    "病理号|放射号|MR号|MRI号"
)
_END = r"(?=[\s,，。;；、|/]|$|[\u4e00-\u9fffA-Za-z]{2,8}[:：])"
_CHINESE_NUMBER = "〇零一二三四五六七八九十"
PATTERNS: tuple[tuple[str, re.Pattern[str]], ...] = (
    ("NAME", re.compile(rf"(?P<keep>(?:{_FIELDS_NAME})\s*[:：]\s*)(?P<name>[\u4e00-\u9fffA-Za-z·. "
                        rf"]{{2,12}}?(?:[、/][\u4e00-\u9fff]{{2,4}})?){_END}")),
    ("NAME", re.compile(rf"(?P<keep>(?:{_FIELDS_NAME})\s+)(?P<name>{_NAME}){_END}")),
    ("PLACE", re.compile(rf"(?P<keep>(?:{_FIELDS_PLACE})\s*[:：]\s*)[^\s,，。;；:：]{{2,40}}?{_END}")),
    ("NUMBER", re.compile(rf"(?P<keep>(?:{_FIELDS_NUMBER})\s*[:：]?\s*(?:为|"
                          rf"是)?\s*)[A-Za-z]{{0,4}}[-+]?\d[\dA-Za-z\-]{{0,24}}床?")),
    ("NAME", re.compile(rf"(?P<name>{_NAME}|[{_FAMILY}])(?P<after>{_TITLE})")),
    ("NAME", re.compile(rf"(?P<keep>患者|病人|病员|受检者|家属|其父|其母|其妻|其夫|其子|其女|儿子|女儿|妻子|丈夫|"
                        rf"母亲|父亲|与|由|请|经|联系|告知|"
                        rf"通知)(?P<name>{_NAME})"
                        r"(?=[\s,，。;；:：、(（\d]|男|女|因|以|诉|自|系|入|来|主|头|商|讨|会|沟|联|电|本|已|签|同|"
                        r"报|审|描|拒|既|复|现|昨|今|行|住|做|服|对|$)")),
    ("NAME", re.compile(rf"(?m)(?P<keep>^|[\n。；;：:\s])(?P<name>{_NAME})"
                        r"(?=[，,、\s]{0,2}(?:男|女)(?:[性，,、。;；\s]|$))")),
    ("DATE", re.compile(r"(?<![\d.])(?:19|20)\d{2}[./-]\d{1,2}[./-]\d{1,2}(?=[\u3040-\u9fff])")),
    ("DATE", re.compile(r"(?:19|20)?\d{2}\s?年\s?\d{1,2}\s?月(?:\s?\d{1,2}\s?[日号])?|"
                        r"(?<!\d)\d{1,2}\s?月\s?\d{1,2}\s?[日号]|(?:19|20)\d{2}\s?年(?!龄|来|前)")),
    ("DATE", re.compile(
        rf"[{_CHINESE_NUMBER}]{{2,4}}年[{_CHINESE_NUMBER}]{{1,3}}月(?:[{_CHINESE_NUMBER}]{{1,3}}[日号])?"
    )),
    ("DATE", re.compile(rf"(?<![{_CHINESE_NUMBER}])[{_CHINESE_NUMBER}]{{1,2}}月[{_CHINESE_NUMBER}]{{1,3}}[日号]")),
    ("AGE", re.compile(r"(?<!\d)(?:9\d|1[0-4]\d)(?=\s?(?:周?岁|岁))|(?:九十[一二三四五六七八九]?|"
                       r"一百(?:零?[一二三四五六七八九])?)(?=\s?周?岁)")),
    ("NUMBER", re.compile(r"(?<!\d)\d{17}[\dXx](?!\d)|(?<!\d)\d{15}(?!\d)")),
    ("PHONE", re.compile(r"(?<!\d)(?:\+?86[- ]?)?1[3-9]\d[- ]?\d{4}[- ]?\d{4}(?!\d)|(?<!\d)0\d{2,3}[- "
                         r"]?\d{7,8}(?!\d)")),
    ("PLACE", re.compile(r"(?:(?<=[在于至到由往从经赴：:，,。；;、\s])|(?<![\u4e00-\u9fff]))(?!上级|外院|我院|本院|"
                         r"当地|专科|综合|建议|就诊|住院|入院|"
                         r"出院)[\u4e00-\u9fff]{2,16}?(?:医院|卫生院|诊所|医学院|医学中心|卫生服务中心|大学)")),
    ("PLACE", re.compile(r"[\u4e00-\u9fff]{2,8}(?:省|自治区|市)[\u4e00-\u9fff]{1,10}(?:市|区|县|州|镇|乡|村|路|街|巷|"
                         r"道|小区|"
                         r"号)[\u4e00-\u9fff\d]{0,16}(?:号楼?|室|单元|栋|组)?")),
    ("PLACE", re.compile(r"[\u4e00-\u9fff]{2,8}(?:路|街|巷|大道)\d+号(?:[\u4e00-\u9fff\d]{0,10}(?:室|单元|栋|楼))?")),
)  # fmt: skip


def is_word(found: str) -> bool:
    """Whether a match that looks like a name is a medical or an everyday word."""
    return bool(_NO_NAME.match(found))


# Characters of anatomy, findings and offices; given names do not contain them.
_MEDICAL = re.compile(
    "[脑颅额颞枕顶病灶信号梗塞肿瘤侧室腔异未血影像扫描检查部位矢冠轴序列阴性急慢亚考虑提示符移骨质垂脱髓鞘炎症囊缺氧软萎缩狭窄闭畸形"
    "脊颈胸腰椎眼眶鼻窦乳突咽喉腺报告诊断结论意见述医院科门复随访术患增强磁共振加权弥散灌注波谱造]"
)
_EVERYDAY = re.compile(
    "(?:正常|异常|对比|治疗|变化|明显|明确|显示|双侧|左侧|右侧|左右|上下|前后|中线|结构|居中|清晰|形态|大小|分布|范围|可见|未见|所见|部分|局部|"
    "周围|多发|单发|散在|片状|点状|条状|环形|圆形|规则|均匀|轻度|中度|重度|少许|少量|大量|新发|陈旧|稳定|进展|好转|吸收|消失|完成|未完成|紧急|"
    "普通|常规|加急|平扫|薄层|男性|女性|成人|儿童|老年|青年|中年|仰卧|俯卧|横断|冠状|三维|二维|已知|未知|匿名|是|否|有|无)+"
)
_PLACE = re.compile("医院|卫生院|诊所|中心|大学|[省市区县镇乡村路街巷]$")


def is_chinese(word: str) -> bool:
    return bool(re.fullmatch(r"[\u4e00-\u9fff]+", word))


def may_be_name(word: str) -> bool:
    """Whether a word of free text may be a name.

    False for a Chinese word of one character or of more than four, for one with a medical character, and for a medical
    or everyday word. True for every word that is not Chinese.
    """
    if not is_chinese(word):
        return True
    return 2 <= len(word) <= 4 and not (_MEDICAL.search(word) or is_word(word) or _EVERYDAY.fullmatch(word))


def may_be_place(word: str) -> bool:
    """Whether a Chinese word contains the word for an institution, or ends like the name of a place."""
    return bool(_PLACE.search(word))


def names_in(text: str) -> Iterator[str]:
    """Chinese names in a free text, recognised by the field label, word or title beside them."""
    for kind, pattern in PATTERNS:
        if kind == "NAME":
            for match in pattern.finditer(text):
                if is_chinese(match["name"]) and len(match["name"]) > 1 and not is_word(match["name"]):
                    yield match["name"]
