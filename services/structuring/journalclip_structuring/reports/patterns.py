"""The small words that the reader goes by, beside the phrases of the lexicons."""

from __future__ import annotations

import re
from typing import Final

# Between an attribute and a finding these end the finding's noun phrase.
BARRIER: Final = {
    "en": re.compile(
        r"\b(?:in|on|of|at|with|within|without|to|from|by|for|along|over|near|is|are|was|were|has|have|had"
        r"|shows?|showing|demonstrat\w+|reveals?|a|an|the|this"
        r"|there|which|that|measuring|measures|seen|noted|involving|no|and (?:a|an|the)|appears?|suggest\w*"
        r"|consistent|compatible|argues?|speaks?|makes?|excludes?|favou?rs?|supports?|represents?)\b|[,;:()]",
        re.IGNORECASE,
    ),
    "zh": re.compile(r"[,;:()。]|见|示|呈|为|有|提示|考虑|伴|符合"),
}
# Between two findings of one list there is nothing but these.
JOIN: Final = {
    "en": re.compile(
        r"[\s,/&+]*(?:and/or|and|or|nor|vs\.?|versus|as well as)?[\s,/]*(?:[a-z-]+\s+){0,2}?\s*", re.IGNORECASE
    ),
    "zh": re.compile(r"[\s,、/]*(?:及|和|与|或|、|并|以及|或者|、?以及|vs)?[\s、/]*[\u4e00-\u9fff]{0,4}?"),
}
# Behind a denial: a finding that is named as known ("no haemorrhage in the infarct") is not denied.
DEFINITE: Final = re.compile(
    r"\b(?:of|in|around|to|with|within|for|from|near|adjacent to|surrounding|about|by)\s+(?:the|this|that"
    r"|these|those|known|previously|her|his|its)\b[^,;]*$",
    re.I,
)
# Words before a finding that was named already, and before another one.
THE: Final = re.compile(r"(?:^|\W)(?:the|this|these|that|those|said|both|all|该|此|上述)\s*(?:[a-z]+\s+){0,1}$", re.I)
ANOTHER: Final = re.compile(
    r"\b(?:another|second|third|further|additional|other|new|an?|two|three|multiple|several"
    r"|few)\s+(?!of (?:the|these|those)\b)(?:[\w-]+\s+){0,4}$|(?:另|又|再)[\u4e00-\u9fff]{0,6}$",
    re.I,
)
# Beginnings of a chunk at which a list of denied findings ends.
AFFIRMS: Final = {
    "en": re.compile(
        r"^\W*(?:and\s+|then\s+)?(?:there (?:is|are)|a|an|the|this|multiple|several|few|mild|moderate|severe"
        r"|minimal|stable|unchanged|known|old|chronic|scattered|some|small|large|status|incidental|again|also"
        r"|bilateral|left|right|acute|diffuse|generali[sz]ed|subtle|tiny)\b",
        re.I,
    ),
    "zh": re.compile(r"见|示|呈|为|有|提示|考虑|增|伴|另|余|符合"),
}
# A sequence named beside one of these shows the finding of the sentence before.
SEEN: Final = re.compile(
    r"seen|visible|confirm|depict|apparent|appreciat|noted|detect|present|demonstrat|show|visuali[sz]ed"
    r"|identified|可见|显示|示|见",
    re.I,
)
# What "no abnormality" says of the examination as a whole when nothing else stands before it.
EXAM_ZH: Final = re.compile(
    r"^\W*(?:颅脑|头颅|头部|脑部|脑|颅内|全脑|双侧大脑半球|大脑|头)?(?:脑实质内?)?(?:MRI?|磁共振|核磁共振"
    r"|核磁)?(?:平扫|检查|成像|扫描|及|\+|增强|加|均|所见|实质|内)*\W*$",
    re.I,
)
# Leads of a chunk whose finding stands beside one that the sentence before named.
BESIDE: Final = frozenset(
    {
        "with",
        "associated with",
        "and associated",
        "accompanied by",
        "伴",
        "伴有",
        "并",
        "并见",
        "合并",
        "同时伴",
        "并可见",
    }
)
# Leads that keep a denied subject denied ("neither DWI nor FLAIR shows").
SHOWS: Final = re.compile(r"show(?:s|ing)|demonstrat(?:es|ing)|reveal(?:s|ing)")
# A question asserts nothing.
QUESTION: Final = re.compile(
    r"(?:is|are|was|were|does|do|did|can|could|any|has|have|rule out|r/o|question)\b.*\?$", re.IGNORECASE | re.DOTALL
)
# "Both" that speaks of findings, not of sides.
BOTH_OF_THEM: Final = re.compile(
    r"both\s+(?:are|were|show|demonstrate|lesions|of|foci|have|appear|T1|T2|on|FLAIR|DWI|enhance)", re.IGNORECASE
)
# A diagnosis so introduced is another finding.
UNDERLYING: Final = re.compile(
    r"underlying|coexist|superimposed|additional|concomitant|associated|合并|伴", re.IGNORECASE
)
# What was operated on is no finding.
AFTER_SURGERY: Final = re.compile(
    r"^(?:部分|完全|全)?(?:切除|手术|介入|栓塞)?(?:术后|切除后)"
    r"|^后(?=(?:的|继发|所致)*(?:华勒|沃勒|Waller|胶质|软化|瘢痕|局部萎缩|脑软化))"
)
OPERATED_ON: Final = re.compile(
    r"\s+(?:clip(?:s|ping)?|coil(?:s|ing)?|resection|repair|surgery|craniotomy|evacuation|emboli[sz]ation|removal|excision"
    r"|debulking|drainage|biopsy)\b",
    re.IGNORECASE,
)
# A finding with a number: another number is another finding.
LABEL: Final = re.compile(r"\s*(?:#|no\.?\s*)?\d{1,2}(?=\s*[:,.)]|\s+(?:is|in|lies|at|on)\b)", re.IGNORECASE)
# A sentence that gives the place of the finding before it.
LOCATED: Final = re.compile(
    r"\W*(?:it|this|they|these)\s+"
    r"(?:lies?|sits?|(?:is|are|was|were) (?:located|situated|cent(?:red|ered)|seated|found|based)"
    r"|arises?|originates?|occup(?:y|ies)|involves?)\s"
    r"|\W*(?:location|site|position|region|localisation|localization|部位|位置)\W",
    re.IGNORECASE,
)
# Words with which "normal" speaks of what is left, not of a sequence.
OTHERS: Final = re.compile(
    r"otherwise|elsewhere|remaind|remaining|the rest|rest of|余|其它|其他|除[^外,。]", re.IGNORECASE
)
EXCEPTED: Final = re.compile(
    r"apart from|except|aside from|other than|\bbut for\b|save for|以外|之外|(?<!不能)(?<!不)(?<!待)除了", re.IGNORECASE
)
# What an operation was done for is no finding.
OPERATED: Final = re.compile(
    r"\b(?:resection|removal|excision|clipping|coiling|evacuation|embolization|embolisation|drainage|surgery|craniotomy|biopsy|radiotherapy)"
    r"\s+(?:of|for)\s+(?:an?|the|her|his|this)?\s*(?:[\w-]+\s+){0,5}$",
    re.IGNORECASE,
)
# Beside a denial that answers a heading, words that add nothing to it.
ANSWERED: Final = re.compile(
    r"(?:\W|evidence|signs?|such|definite|significant|seen|identified|detected|finding|none|is|are|was|present)*",
    re.IGNORECASE,
)
# A plural that heads a list of places: each entry is one of them.
HEADS_LIST: Final = re.compile(r"\s*(?:[-\w]+\s+){0,3}[^\W\d_]+\s*(?:\(\w+\)\s*)?:\s*")
ENTRY: Final = re.compile(r"(?:^|\n)[ \t]*(?:\(?\d{1,2}\s*[.)、]|[-•*·])[ \t]*$")
# What is to be looked for by a further examination is no finding of this one.
ADVISES: Final = re.compile(
    r"\b(?:recommend\w*|advis\w+|suggested|correlat\w+|further (?:evaluation|imaging|assessment))\b.*?"
    r"\b(?:to (?:exclude|rule out|look for|assess for|evaluate for)|for exclusion of)\W*(?:an?\s+)?(?:[\w-]+\s+){0,3}$"
    r"|(?:建议|请)[^,。;]*?(?:以|进一步|以便)?(?:除外|排除|排外|明确有无)[^,。;]{0,6}$",
    re.IGNORECASE | re.DOTALL,
)
# Words beside a finding that leave it the only thing that its sentence says.
ALONE: Final = re.compile(
    r"(?:\W|\b(?:acute|subacute|chronic|old|recent|small|large|multiple|typical|classic|embolic|the|an?"
    r"|cerebral|brain|intracranial"
    r"|likely|probable|possible|probably|possibly|suspected|presumed|features?|findings?|appearances?|lesions?|most|changes?"
    r"|consistent with|compatible with|in keeping with|suggestive of|suggest"
    r"|suspicious (?:for|of)|concerning for|favou?r(?:s|ed)?|are|is|of|diagnosis|so|therefore|hence"
    r"|until proven otherwise)\b)*",
    re.IGNORECASE,
)
# Whose sentence speaks of all that was seen.
EVERY: Final = re.compile(
    r"(?:[^:]{0,20}:)?\W*(?:both|all|these|they|each|some(?: of (?:them|these|the lesions))?"
    r"(?= (?:are|show|enhance|demonstrate|have)))\b",
    re.IGNORECASE,
)
# Places outside the brain: a change of signal there is no finding of it.
OUTSIDE: Final = re.compile(
    r"\b(?:mastoids?|mastoid air cells?|(?:paranasal|maxillary|ethmoid(?:al)?|sphenoid|frontal) sinus(?:es)?|sinonasal"
    r"|nasal|nasopharyn\w+|parotids?|scalp|middle ears?|marrow|turbinates?|adenoids?|tonsils?|subarachnoid spaces?)\b"
    r"|上颌窦|筛窦|蝶窦|额窦|鼻窦|乳突|中耳|鼻咽|鼻腔|鼻甲|腮腺|头皮|咽旁间隙",
    re.IGNORECASE,
)
# A finding whose word is its signal.
OWN_SIGNAL: Final = re.compile(r"hyper(?=-?intensit)|hypo(?=-?intensit)", re.IGNORECASE)
# Where something grows to ("向右侧海绵窦侵犯").
GROWS: Final = re.compile(r"[^向]?向[^,。;]{0,12}?(?:侵犯|延伸|生长|突出?|凸|扩展|伸|累及|侵及|蔓延)")
# A sentence that begins so speaks of what was found before.
KNOWN: Final = re.compile(
    r"\W*(?:one|two|some|several|most|each|none|it|its|they|this|these|those|the)\b|其|该|上述", re.IGNORECASE
)
# At most three words and a last remark beside a diagnosis, and words that make it another finding.
SHORT: Final = re.compile(r"(?:\W*\b[a-z][a-z-]*){0,3}\W*\|\W*(?:,\s*[a-z-]+(?: [a-z-]+)?\W*)?", re.IGNORECASE)
ELSE: Final = re.compile(
    r"\b(?:new|another|second|third|additional|further|old|chronic|also|incidental\w*|no|other|stable|unchanged|known|small|tiny"
    r"|mild|multiple|several|two|three|few|is|are|was|were|shows?|seen|with|in|of|at|and|or|which|vs|versus|previous\w*|prior|left"
    r"|right|bilateral)\b",
    re.IGNORECASE,
)
# Another diagnosis behind the one that a sentence names alone.
OR_ELSE: Final = re.compile(
    r"\W*(?:[\w-]+\s+){1,4}(?:or|vs\.?|versus|/|>)\s*\|\W*"
    r"|\W*\|\W*?(?:or|vs\.?|versus|/|>)\s*[\w-]+(?:\s+[\w-]+){0,3}\W*",
    re.IGNORECASE,
)
# Between a word for a place in the picture and what is seen there.
CONTAINS: Final = re.compile(r"\s+of\s+(?:[\w-]+\s+){0,3}", re.IGNORECASE)
# A bleed or the like within what was seen is no diagnosis for it.
INTERNAL: Final = re.compile(
    r"\b(?:intra-?tumou?ral|intra-?lesional|internal|intra-?cystic|intrinsic|superimposed|associated|adjacent|surrounding)"
    r"\s+(?:[\w-]+\s+)?$",
    re.IGNORECASE,
)
# A finding that is called new.
FRESH: Final = re.compile(r"\bnew(?:ly)?\s+(?:[\w-]+\s+){0,2}$|新(?:发|增|出现)?[^,。;]{0,4}$", re.IGNORECASE)
# A part of what was seen: it lies there, and the rest of what was said is not said of it.
COMPONENT: Final = re.compile(
    r"^[\w-]*\s*(?:components?|transformation|conversion|elements?|portion|成分)\b", re.IGNORECASE
)
# What a bleed lies in is the diagnosis.
BLED_INTO: Final = re.compile(r"\s+(?:into|within|in|inside|from)\s+(?:an?|this)\s", re.IGNORECASE)
# Words that name nothing new: what was found before is spoken of.
ANAPHORIC: Final = re.compile(
    r"(?:\W|\b(?:it|this|these|they|those|which|that|both|all|the|and|has|have|had|is|are|was|were|been|now|since|again|almost|nearly"
    r"|completely|entirely|fully|partially|largely|previously|seen|noted|described|known|lesions?|masse?s?|tumou?rs?|foc(?:us|i)"
    r"|abnormalit(?:y|ies)|findings?|changes?|areas?|nodules?|collections?|left|right|surgically)\b)*",
    re.IGNORECASE,
)
# Between a denied thing and the next of its list.
OR_ITEM: Final = re.compile(r"\s*(?:,|,?\s*\b(?:or|nor|and)\b)\s+(?:[\w-]+\s+){0,3}", re.IGNORECASE)
# What a denied thing would have said.
PURPOSE: Final = re.compile(
    r"\b(?:to|that (?:would|might|could)|which (?:would|might|could))\s+"
    r"(?:suggest|indicate|represent|imply|reflect|explain|support|account for|raise|confirm)\b(?:\s+[\w-]+){0,5}\s*$",
    re.IGNORECASE,
)
# An adjective and a size before a word for a lesion.
QUALIFIED: Final = re.compile(
    r"\b(?P<kind>calcified|cystic|ha?emorrhagic|ischa?emic|demyelinating|metastatic|lacunar|neoplastic|gliotic|contusional)\s+"
    r"(?:(?:\d[\d.,]*(?:\s*(?:x|×|by)\s*\d[\d.,]*)*\s*-?(?:mm|cm)|small|tiny|large|round(?:ed)?|ovoid|oval|focal|nodular"
    r"|thin-walled)\s+)+$",
    re.IGNORECASE,
)
# Behind a hedge: what is doubted is the cause or the age, not the finding ("likely hypertensive").
CAUSE: Final = re.compile(
    r"hypertens|ischa?em|vascul|post|reactive|treat|degenerat|chronic|old|acute|subacute|age|relat|incident|artefact|artifact"
    r"|embol|thrombo|traum|infect|inflam|congenit|developm|benign|malign|physiol|cardio|athero|amyloid|iatrogen|radiation",
    re.IGNORECASE,
)
# A size and the words beside it.
MEASURED: Final = re.compile(
    r"(?:\b(?:measur\w+|approximately|about|approx|up to|of|in|maximum)\s+)*"
    r"\d[\d.,]*(?:\s*(?:mm|cm)?\s*(?:x|×|by)\s*\d[\d.,]*)*"
    r"\s*(?:mm|cm)\b(?:\s+in (?:size|diameter))?",
    re.IGNORECASE,
)
# "The blood" behind one of these was found before.
MENTIONED: Final = re.compile(
    r"\b(?:by|in|within|around|from|of|behind|beneath|near) (?:the|this|that)\s+$", re.IGNORECASE
)
WITHIN: Final = re.compile(r"\b(?:within|inside|in|along|around|surrounding) (?:the|this|that)\s+$", re.IGNORECASE)
# Words for a change of signal: with "with" before them they tell of the finding that they stand beside.
OF_SIGNAL: Final = re.compile(r"signal|abnormality|abnormal area", re.IGNORECASE)
# The sentence gives a diagnosis for what the one before spoke of.
THIS_IS: Final = re.compile(
    r"\W*(?:(?:given|in view of|because of|considering|in the (?:setting|context) of)\b[^.;]*?[\s,]\s*)?"
    r"(?:(?:I|we) (?:think|believe|suspect)\s+(?:that\s+)?)?(?:this|these|it|they|appearances?|findings?|features)\s+"
    r"(?:is|are|was|were|would be|must be)\s+(?:an?\s+|the\s+)?(?:[\w-]+\s+){0,3}",
    re.IGNORECASE,
)
# "Normal" behind one of these is what something is compared with.
COMPARED: Final = re.compile(
    r"\b(?:than|relative to|compared (?:to|with)|like|as|unlike|from|to|with|of)\s+"
    r"(?:the\s+|that of\s+|adjacent\s+|surrounding\s+)*$"
    r"|(?:较|比|与|同)(?:周围|邻近)?$",
    re.IGNORECASE,
)
# A finding that is seen as something is that thing ("the adenoma is seen as a focus of delayed enhancement").
AS_A: Final = re.compile(
    r"\b(?:seen|visible|visuali[sz]ed|appears?|present|presents|shown"
    r"|identified|manifest\w*|apparent) as (?:an?|the)\s+(?:[\w-]+\s+){0,4}$",
    re.IGNORECASE,
)
# Words that bring in the next entry of a list.
OR: Final = re.compile(r"\W*(?:or|nor|and|及|和|或)\b", re.IGNORECASE)
# Between two signs of one denial.
OR_SIGN: Final = re.compile(r"\W*(?:or|nor)\s+(?:[\w-]+\s+){0,2}", re.IGNORECASE)
# Leads of a chunk that tells how the finding before it looks.
TOLD: Final = frozenset({"with", "showing", "shows", "demonstrating", "demonstrates", "which", "that"})
# A thing of a list of denials that no vocabulary knows as a finding ("herniation").
NOT_AN_ITEM: Final = ("signal", "size", "hedge", "normal", "deny", "sequence", "sequence_signal", "technique", "sign")
ITEM: Final = re.compile(r"\W*(?:[\w-]+\s+){0,3}[\w-]+\W*", re.IGNORECASE)
# "The lesion in the left frontal lobe is a cavernoma": one finding, and not "there is a cavernoma".
IS_A: Final = re.compile(r"(?<!there )\b(?:is|are|was|were)\s+(?:an?\s+)?(?:[\w-]+\s+){0,2}$", re.IGNORECASE)
# A heading under which diagnoses are weighed.
DIFFERENTIAL: Final = re.compile(
    r"(?:differentials?(?: diagnos[ie]s)?|ddx?|considerations?|鉴别诊断|鉴别)\s*:\s*$", re.IGNORECASE
)
# A sentence that speaks of a part of what was found before.
SOME_OF: Final = re.compile(
    r"\W*(?:two|three|four|five|six|some|several|most|many|a few|a number|each|all|both)"
    r" of (?:them|these|those|which|the)\b",
    re.IGNORECASE,
)
# A sentence that brings in something new.
A_THING: Final = re.compile(
    r"\W*(?:(?:there (?:is|was)|we see|i see"
    r"|(?:on|in|at|within|along|over) (?:the\s+)?(?:[\w-]+\s+){1,5}?(?:there (?:is|was)\s+)?),?\s*)?(?:an?|another)\s",
    re.IGNORECASE,
)
# One of the two findings that were named last.
CHOSEN: Final = re.compile(r"(?P<first>the former|former|前者)|the latter|latter|后者", re.IGNORECASE)
# A sentence that goes on with what was found before.
OF_BEFORE: Final = re.compile(r"\W*(?:it|its|they|this|these|both)\b|\W*(?:其|该|上述)", re.IGNORECASE)
# What is said of two things in turn.
RESPECTIVELY: Final = re.compile(r"\brespectively\b|分别", re.IGNORECASE)
TWO_SIZES: Final = re.compile(
    r"(?P<a>\d+(?:\.\d+)?)\s*(?:mm|cm|毫米|厘米)?\s*(?:and|,|、|及|和|与)\s*(?:约|为)?(?P<b>\d+(?:\.\d+)?)\s*(?P<unit>mm|cm|毫米|厘米)"
)
# A part of a mass, or the mass itself: what follows is said of it, not of the calcification beside it.
OF_THE_MASS: Final = re.compile(
    r"囊壁|瘤体|肿块|肿瘤|病灶|实性部分|囊性部分|囊实性部分|该病灶|该肿块|占位|该占位|结节壁|脓肿壁|其壁|囊液|囊内|病灶中心|病灶边缘|病灶内|肿块内|病变|该病变"
)
# Before the size of an organ, which is no finding's.
OF_AN_ORGAN: Final = re.compile(
    r"(?:垂体|腺体|松果体|脑室|导水管|扁桃体|垂体柄|视神经|脑沟|硬膜下间隙)[^,;。见]{0,2}(?:高度|高径|高|厚度|厚|宽度|宽|前后径|下移|下缘)[^,;。]{0,6}$"
    r"|\b(?:pituitary(?: gland)?|gland|stalk|infundibulum|ventricle|aqueduct|tonsils?|optic nerves?|pineal gland)\s+"
    r"(?:height\s+)?(?:measures?|measuring|is|are|lies?|lie|descends?|protrudes?|height|width)\b[^,;.]{0,12}$",
    re.IGNORECASE,
)
# A denied recurrence of something named: that is what is denied.
RECURS: Final = re.compile(
    r"\s+of\s+(?:(?:the|his|her|their|this|that|an?|known|resected|treated|previously|previous|prior|original|primary|left|right|operated)\s+|[\w-]+\s+){0,6}?$",
    re.IGNORECASE,
)
# The next thing of a sentence.
AND_A: Final = re.compile(r"\band (?:an?|another|two|three|several|multiple)\s", re.IGNORECASE)
# What a clause says of a place before the next clause denies something.
TOLD_OF: Final = re.compile(
    r"[^,。;]{0,8}(?:增宽|扩大|扩张|清晰|对称|正常|居中|变浅|变窄|未见|无|增厚|饱满|空虚|通畅|稳定)[^,。;]*,"
    r"|[^,.;]{0,30}\b(?:is|are|was|were|appears?|remains?|shows?|demonstrates?|has|have)\b[^,.;]*,",
    re.IGNORECASE,
)
# What something seen before has become: it lies in the same place.
EVOLVED: Final = re.compile(r"\b(?:evolv|transform|turn|convert)\w+ (?:into|to)\b|\breplaced by\b", re.IGNORECASE)
# A change that is denied, not the things that did not change.
NOT_CHANGED: Final = re.compile(
    r"\bneither\b.*\bnor\b.*\b(?:has|have|had|is|are)\s+(?:significantly |appreciably )?"
    r"(?:changed|grown|enlarged|progressed|increased|decreased|different)\b",
    re.IGNORECASE,
)
