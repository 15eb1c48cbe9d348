"""Templates written for the tests: (mode, variables, templates). A template that Jinja2 refuses belongs here too."""

V = {"s": "Zażółć gęślą jaźń", "t": "  two words\n", "e": "", "n": 7, "m": -3, "f": 2.5, "z": 0, "yes": True, "no": False,
     "nil": None, "l": [3, 1, 2], "w": ["b", "A", "c", "a"], "d": {"b": 1, "a": "x", "items2": [1, 2]},
     "q": "it's", "p": 'say "hi"', "pq": "it's \"x\"\\\n\t\u200b\x7f\u00a0é", "nested": {"x": [{"y": "deep"}]},
     "people": [{"name": "Ola", "age": 30}, {"name": "jan", "age": 25}, {"name": "Ala", "age": 30, "tag": "t"}]}

EXPRESSIONS = """
1 + 2 * 3 ** 2|2 ** 3 ** 2|-2 ** 2|7 // 2|-7 // 2|7 // -2|7 % 3|-7 % 3|7 % -3|7.5 // 2|-7.5 % 2|7.5 % -2|7 / 2|6 / 3|1 / 0|1 // 0|1.0 % 0
2 ** -1|2 ** 0.5|0 ** 0|0 ** -1|(-1) ** 3|10 ** 18|1e3|1.5e-7|1_000|0x1F|0b101|0o17|1e16|1e15|123456789.123|1e-4|1e-5|0.1 + 0.2|1e22|5e-324
-0.0|0.0|1e308 * 10|-1e308 * 10|3.0|1.0e10|100000.0 * 100000000000.0|1 + 1.0|yes + 1|no * 5|-yes|+5|-m|- n
n == 7|n == 7.0|n != 7|n < 8|n <= 7|n > 7|n >= 7|1 < n < 10|1 < n < 5|1 < n > 3 == 3|'a' < 'b'|'a' < 1|[1, 2] < [1, 3]|(1, 2) == [1, 2]|[1] == [1]|yes == 1
'x' in 'xyz'|'' in 'abc'|1 in l|9 not in l|'b' in d|'zz' in d|1 in 'abc'|nil in [none]|not n|not not n|not n == 7|n and 0|n and e|e or 'x'|e or nil|z or no
1 if yes else 2|1 if no else 2|1 if no|'a' if no else 'b' if no else 'c'|(1 if yes else 2) + 1|n if n > 5 and not no else m
s[0]|s[-1]|s[2:5]|s[:3]|s[3:]|s[::-1]|s[::2]|s[10:2:-3]|s[99]|s[-99]|s[1:99]|s[5:2]|s[::0]|l[0]|l[-1]|l[1:]|l[::-1]|l[5]|l['x']|l[yes]|l[1.0]|e[0]
d.b|d['a']|d.missing|d['missing']|d.items2[1]|d.items2.0|nested.x[0].y|nested.x.0.y|nested['x'][0]['y']|missing|missing.x|missing['x']|nil.x|n.x
"str" ~ 1 ~ none ~ true ~ 1.0 ~ [1]|"a" "b" 'c'|"a" + "b"|"a" + 1|"ab" * 3|3 * "ab"|"a" * -1|[1, 2] * 2|[1] + [2]|(1,) + (2,)|[1] + (2,)|l + w
[]|[1]|[1,]|()|(1,)|(1, 2)|1, 2|{}|{'a': 1}|{'a': 1, 'b': [1, {'c': none}]}|{1: 'x', 2.5: 'y', none: 'z'}|{1: 'a', 1.0: 'b', true: 'c'}[1]|{'a': 1}.a|[[], {}, '']
q|p|[q]|[p]|[pq]|[s, t]|{'k"': q}|pq|'\\n\\t\\x41\\u0105\\101\\'\\"\\\\\\q'
s is defined|missing is defined|missing is not defined|missing is undefined|nil is none|n is none|n is number|f is number|yes is number|n is integer|yes is integer|f is float|n is float
s is string|n is string|l is iterable|s is iterable|n is iterable|d is mapping|l is mapping|l is sequence|d is sequence|s is sequence|n is sequence|yes is boolean|n is boolean|yes is true|no is false|n is true
n is odd|n is even|m is odd|n is divisibleby 7|n is divisibleby(3)|n is eq 7|n is equalto 8|n is ne 7|n is lt 8|n is gt(8)|n is ge 7|n is le 6|n is in [7]|n is in([8])|n is in l|not n is odd|n is not odd|n is odd and yes
s is defined and s|missing is defined and missing.x|nil is not none|1 is odd is even|f is odd|s is odd|range is callable|missing is string|n is lessthan 9|n is greaterthan 9|d.missing is defined|d.b is defined
s|upper;s|lower;s|title;s|capitalize;'ĄĆĘ'|lower;'straße'|upper;'ΑΣ ΣΑΣ'|lower;'ﬁx ǆ'|title;'hello wORLD-foo (bar)  [x'|title;'ab\u2028cd'|title;n|upper;nil|upper;missing|upper
t|trim;'xxaxx'|trim('x');'abcba'|trim('ab');s|length;l|length;d|count;n|length;e|length;missing|length;s|replace('a', 'b');'aaaa'|replace('a', 'b', 2);'abc'|replace('', '-');123|replace(2, 'x');s|replace('zz', '')
missing|default('x');missing|d;nil|default('x');nil|default('x', true);e|d('y', boolean=true);n|default(1);d.missing|default('k');missing.x|default('x');(missing|default(none)) is none
l|first;l|last;e|first;[]|first;[]|last;s|first;s|last;d|first;d|last;l|list;s|list;d|list;n|list;range(3)|list;range(2, 10, 3)|list;range(5, 0, -2)|list;range(0)|list;range(1, 2, 0);range('a')
'42'|int;' 42 '|int;'4_2'|int;'4.7'|int;'x'|int;'x'|int(5);'x'|int(default=6);'0x1f'|int(base=16);'1f'|int(0, 16);nil|int;4.9|int;-4.9|int;yes|int;'1e3'|int;'inf'|int;e|int;missing|int;'-7'|int;'+7'|int;'--7'|int;[1]|int;'٣'|length;'żółw idzie'|int
'1.5'|float;' 1e3 '|float;'x'|float;'x'|float(2.0);nil|float;7|float;'inf'|float;'-Infinity'|float;'nan'|float;'1_0.5'|float;yes|float;'.5'|float;'5.'|float;'0x10'|float;missing|float
2.5|round;3.5|round;-2.5|round;2.675|round(2);42.55|round(1, 'floor');42.51|round(1, 'ceil');7|round;7|round(2);1.005|round(2);42.55|round(method='ceil');0.15|round(1);1e20|round;'x'|round;12.345|round(2)|string;2.5|round|int
-5|abs;(-5)|abs;-2.5|abs;'x'|abs;yes|abs;n|string;f|string;l|string;nil|string;s|string|length;(n|string) ~ 1;[1, 'a']|string
l|sort;l|sort(reverse=true);w|sort;w|sort(case_sensitive=true);w|sort(true, true);d|sort;people|sort(attribute='name')|map(attribute='name')|list;people|sort(attribute='age', reverse=true)|map(attribute='name')|join(',');['a', 1]|sort;people|sort(attribute='tag')
d|dictsort;{'b': 1, 'A': 2, 'c': 0}|dictsort;{'b': 1, 'A': 2}|dictsort(true);{'b': 1, 'a': 2}|dictsort(by='value');{'b': 1, 'a': 2}|dictsort(false, 'value', true);{'b': 1}|dictsort(by='x')
l|join;l|join(', ');w|join('-');[1, none, true, 1.5]|join('|');people|join(', ', attribute='name');s|join('.');d|join(',');missing|join;[missing]|join;n|join;[]|join(',')
l|sum;l|sum(start=10);people|sum(attribute='age');[]|sum;['a']|sum;[1.5, 2]|sum;[[1], [2]]|sum(start=[]);l|min;l|max;w|min;w|max;w|max(case_sensitive=true);[]|min;people|max(attribute='age');people|min(attribute='name');['a', 1]|max
w|unique|list;[1, 1.0, true, 2]|unique|list;['a', 'A', 'b']|unique(true)|list;people|unique(attribute='age')|map(attribute='name')|list;l|reverse|list;s|reverse;d|reverse|list;l|batch(2)|list;l|batch(2, 'x')|list;n|reverse
w|map('upper')|list;w|map('replace', 'a', 'x')|list;people|map(attribute='tag')|list;people|map(attribute='tag', default='-')|list;nested.x|map(attribute='y')|first;l|map('string')|join;['1', 'x']|map('int', default=9)|list;[]|map('upper')|list;missing|map('upper')|list;w|map('nosuch')|list;w|map|list;[[1, 2]]|map(attribute=0)|list;[[1, 2]]|map(attribute='1')|list;[['a', 'b']]|map('join', '-')|list
l|select('odd')|list;l|reject('odd')|list;[0, 1, '', 'a', none]|select|list;[0, 1, '']|reject|list;l|select('gt', 1)|list;l|select('>', 1)|list;l|select('in', [1, 2])|list;people|selectattr('tag', 'defined')|map(attribute='name')|list;people|rejectattr('age', 'equalto', 30)|map(attribute='name')|list;people|selectattr('age', '==', 30)|list|length;people|selectattr('age')|list|length;l|select('odd')|length;l|select('odd')|first;l|select('odd')|last;l|select('nosuch')|list
d|items|list;d|items|first;n|items|list;d.items()|list;d.keys()|list;d.values()|list;d.items();d.keys();d.values();d.get('b');d.get('zz');d.get('zz', 5);d.items()|length;'b' in d.keys();d.keys()|first;d.copy()
"x\\ny\\n\\nz"|indent;"x\\ny"|indent(2);"x\\ny"|indent(2, true);"x\\n\\ny"|indent(2, blank=true);"x\\ny"|indent('> ', first=true);""|indent;n|indent
s.upper();s.lower();'ab cd'.title();"they're x1y".title();'ABC'.capitalize();t.strip();t.lstrip();t.rstrip();'xxaxx'.strip('x');'xya'.lstrip('yx');'axy'.rstrip('xy');t.strip(none);'żaż'.strip('ż')
'a b  c'.split();'a,b,,c'.split(',');'a,b,c'.split(',', 1);' a  b c '.split(none, 1);'abc'.split('');'a,b,c'.rsplit(',', 1);' a b  c '.rsplit(none, 1);'a b'.rsplit();'a--b'.split('--');''.split();''.split(',');'a,b'.split(sep=',', maxsplit=0);'a\\nb\\r\\nc\\x0bd\\n'.splitlines();t.split('\\n');'x'.split(1)
'abab'.replace('a', 'x');'abab'.replace('a', 'x', 1);'ab'.replace('', '-');'abc'.find('c');'żabc'.find('c');'abc'.find('z');'abcabc'.rfind('b');'abc'.index('b');'abc'.index('z');'abcb'.rindex('b');'banana'.count('an');'abc'.count('');'aXbXc'.count('X', 2);'abcabc'.find('a', 1);'abcabc'.find('a', 1, 3);'abc'.find('', 5);'abc'.find('', 3)
'abc'.startswith('ab');'abc'.endswith('bc');'abc'.startswith(('x', 'a'));'abc'.startswith(['a']);'abc'.startswith('b', 1);'abc'.endswith('b', 0, 2);'abc'.startswith('');'abc'.removeprefix('a');'abc'.removesuffix('c');'abc'.removesuffix('x');'a=b=c'.partition('=');'abc'.partition('=');', '.join(w);'-'.join('abc');''.join([1]);'x'.join(d);'x'.nosuch();'x'.upper(1);'x'.nosuch
l.index(2);l.index(9);w.index('A');l.count(1);[1, 1.0, true].count(1);(1, 2, 1).count(1);(1, 2).index(2);[1, 2, 1].index(1, 1);[1, 2, 1].index(1, 1, 2);l.nosuch();n.nosuch()
dict(a=1);dict({'x': 1}, y=2);dict([('a', 1), ['b', 2]]);dict([1]);range(3)[1];range(10)[2:4]|list;range(3)|length;1 in range(3);range(3) == range(3);range(3)|sum;range(5)|last;range(1)|first
namespace(a=1).a;namespace(a=1).b;namespace({'k': 2}).k;n();missing();'abc'();nosuch(1);d.b();(s|upper)[0];(l|sort)[0];l|sort|first;-l|length;l|length > 2 and s|length < 3;[1, 2, 3]|sum / 2
s|nosuch;s is nosuch;1 +;(1;[1, 2;{'a' 1};a b;1 1;'abc;s | upper | lower;s|upper|replace('Z', 'x');not;is defined;l[;d.;1..2;a.1.2;@;$x;s!;{{;}}
true;True;TRUE;false;False;none;None;null;true and false;None is none;True is true;[true, false, none]
"""

STATEMENTS = [
    "{{ 'multi\nline' }}{{ 'joined \\\nhere' }}", "{% if n %}a{% endif %}", "{% if z %}a{% elif n %}b{% else %}c{% endif %}", "{% if z %}a{% elif no %}b{% else %}c{% endif %}",
    "{% if missing %}a{% endif %}", "{% if missing is defined %}a{% else %}b{% endif %}", "{% if %}{% endif %}", "{% if n %}",
    "{% endif %}", "{% else %}", "{% if n %}{% else %}{% else %}{% endif %}", "{% nosuch %}", "{% %}", "{{ }}", "{{", "{%", "{#", "{# x", "{% raw %}",
    "{% for x in l %}{{ x }}{% endfor %}", "{% for x in l %}{{ loop.index }}/{{ loop.length }}{{ ',' if not loop.last }}{% endfor %}",
    "{% for x in l %}{{ loop.index }}/{{ loop.length }}{{ ',' if not loop.last else '' }}{% endfor %}",
    "{% for x in l %}{{ loop.index0 }}{{ loop.revindex }}{{ loop.revindex0 }}{{ loop.first }}{{ loop.last }}{{ loop.depth }}{{ loop.depth0 }};{% endfor %}",
    "{% for x in l %}{{ loop.previtem }}{% endfor %}", "{% for x in l %}{{ loop.previtem|default('-') }}{{ loop.nextitem|d('+') }}{% endfor %}",
    "{% for x in l %}{{ loop.cycle('a', 'b') }}{% endfor %}", "{% for x in [1,1,2] %}{{ loop.changed(x) }}{% endfor %}",
    "{% for x in [] %}a{% else %}b{{ n }}{% endfor %}", "{% for x in l if x > 1 %}{{ x }}{{ loop.index }}{{ loop.length }}{% else %}none{% endfor %}",
    "{% for x in l if x > 9 %}{{ x }}{% else %}none{% endfor %}", "{% for k, v in d.items() %}{{ k }}={{ v }};{% endfor %}",
    "{% for k in d %}{{ k }}{% endfor %}", "{% for a, (b, c) in [(1, (2, 3))] %}{{ a }}{{ b }}{{ c }}{% endfor %}", "{% for a, b in [(1, 2, 3)] %}{% endfor %}",
    "{% for c in 'żab' %}[{{ c }}]{% endfor %}", "{% for x in n %}{% endfor %}", "{% for x in missing %}{% endfor %}", "{% for x in nil %}{% endfor %}",
    "{% for i in range(3) %}{% for j in range(i) %}{{ i }}{{ j }}{{ loop.depth }} {% endfor %}{% endfor %}", "{% for x in 1, 2 %}{{ x }}{% endfor %}",
    "{% for x in l if x is odd and loop.first %}{{ x }}{% endfor %}", "{{ loop }}", "{{ loop.index }}", "{% for x in l %}{% endfor %}{{ x }}",
    "{% set x = 1 %}{% for i in l %}{{ x }}{% set x = x + 1 %}{{ x }},{% endfor %}{{ x }}", "{% for n in l %}{{ n }}{% endfor %}{{ n }}",
    "{% set a = 1 %}{{ a }}", "{% set a, b = 1, 2 %}{{ a }}{{ b }}", "{% set a = 1, 2 %}{{ a }}", "{% set (a, b) = l[:2] %}{{ a }}{{ b }}", "{% set a, b = [1] %}",
    "{% set a %}x{{ n }}{% endset %}[{{ a }}]", "{% set a | upper | replace('X', 'y') %}x{{ n }}{% endset %}[{{ a }}]", "{% set n = n + 1 %}{{ n }}", "{% set true = 1 %}",
    "{% set a.b = 1 %}", "{% set d.b = 1 %}", "{% set ns = namespace(x=0) %}{% for i in l %}{% set ns.x = ns.x + i %}{% endfor %}{{ ns.x }}",
    "{% set ns = namespace() %}{% set ns.k = 'v' %}{{ ns.k }}{{ ns.zz is defined }}", "{% if yes %}{% set q2 = 5 %}{% endif %}{{ q2 }}", "{% if no %}{% set q2 = 5 %}{% endif %}{{ q2 is defined }}",
    "{% with a = 1, b = n %}{{ a }}{{ b }}{% endwith %}{{ a is defined }}", "{% with %}{% set a = 3 %}{{ a }}{% endwith %}{{ a is defined }}", "{% with a=1 %}{% with b=a %}{{ b }}{% endwith %}{% endwith %}",
    "{% macro f(a, b=2) %}{{ a }}-{{ b }}{% endmacro %}{{ f(1) }} {{ f(1, 3) }} {{ f(b=4, a=5) }} {{ f() }}", "{% macro f(a, b=2) %}{{ a|d('?') }}-{{ b }}{% endmacro %}{{ f() }}|{{ f(1, b=9) }}",
    "{% macro f(a, b=a) %}{{ a }}{{ b }}{% endmacro %}{{ f(1) }}", "{% macro f() %}{{ n }}{% endmacro %}{% set n = 9 %}{{ f() }}", "{% macro f() %}{{ x }}{% endmacro %}{% for x in l %}{{ f() }}{% endfor %}",
    "{% macro f() %}{% set v = 1 %}{{ v }}{% endmacro %}{{ f() }}{{ v is defined }}", "{% macro f(n) %}{% if n > 0 %}{{ n }}{{ f(n - 1) }}{% endif %}{% endmacro %}{{ f(4) }}", "{% macro f(a) %}{% endmacro %}{{ f(1, 2) }}",
    "{% macro f(a) %}{% endmacro %}{{ f(c=2) }}", "{% macro f(a) %}{% endmacro %}{{ f(1, a=2) }}", "{% macro f(a=1, b) %}{% endmacro %}", "{% macro f() %} x {% endmacro %}[{{ f()|trim }}]{{ f.name }}",
    "{% macro f() %}<{{ caller() }}>{% endmacro %}{% call f() %}in {{ n }}{% endcall %}", "{% macro f() %}<{{ caller(1, 2) }}>{% endmacro %}{% call(a, b) f() %}{{ a }}+{{ b }}{% endcall %}", "{{ f(1) }}{% macro f(a) %}{{ a }}{% endmacro %}",
    "{% filter upper %}a{{ s }}{% endfilter %}", "{% filter replace('a', 'b')|upper %}aa{% endfilter %}", "{% filter nosuch %}{% endfilter %}",
    "{% raw %}{{ x }}{% if %}{# #}{% endraw %}", "a {%- raw -%} b {{ {%- endraw -%} c", "{% raw %}x", "{% raw %}{% endrow %}{% endraw %}", "{# c #}a{# {{ x }} #}b", "a {#- c -#} b", "a\n{# c #}\nb",
    "{% import 'x' as y %}", "{% from 'x' import y %}", "{% include 'x' %}", "{% extends 'x' %}", "{% do 1 %}", "{% break %}", "{% for x in l %}{% break %}{% endfor %}",
    "a  {{- n -}}  b", "a \n {%- if yes -%} \n b \n {%- endif -%} \n c", "a {%+ if yes +%} b {%+ endif +%} c", "a {{+ n }} b", "{{ '-' -}} x", "{{-n}}", "{{ -n }}", "{{- -n -}}",
    "  {% if yes %}  \n  x\n  {% endif %}  \n y", "a\n  {% for x in l %}\n    {{ x }}\n  {% endfor %}\nb\n", "a\r\nb\rc\n", "x\n", "x\n\n", "\n{{ n }}\n", "{{ n }}\n", "{% if yes %}\n{% endif %}\n", "   {{ n }}", "\t{% if yes %}x{% endif %}",
    "{% if yes -%}\n\n  x\n{%- endif %}", "  {# c #}  \n  x", "a {% raw %}\n x {% endraw %}\n y", "  {%+ if yes %}x{% endif %}", "{% if yes %}\n\nx{% endif +%}\ny", "\u00a0 {%- if yes %}x{% endif %}",
    "{{ {'a': {'b': 1}} }}", "{{ {'a': {'b': 1}}['a']['b'] }}", "{{ '}}' }}", "{{ \"%}\" }}{% set x = '%}' %}{{ x }}", "{{ '{{' }}", "{ { n } }", "{{n}}{{n}}", "{n}", "{%if yes%}x{%endif%}", "100 % {x} #}", "{{ n }", "}}", "%}",
    "{{ (s, t)[0] }}{{ [l, w][1][0] }}", "{{ l[l[1]] }}", "{{ people[0].name }} {{ people[-1]['age'] }}", "{% set x = people|map(attribute='age')|select('gt', 25) %}{{ x|list }}{{ x|list }}",
    "{% set g = l|map('string') %}{{ g|first }}{{ g|join('-') }}", "{{ l|map('string') is string }}", "{{ l|select is iterable }}", "{% set x = l|reverse %}{% for i in x %}{{ i }}{% endfor %}{% for i in x %}{{ i }}{% endfor %}",
    "{{ d.items() is sequence }}{{ d.items() is iterable }}{{ range(2) is sequence }}", "{{ 'a' 'b' ~ 'c' }}", "{{ n }}{# x #}{{ m }}", "Question: {{s}}\nA. {{w[0]}}\nB. {{w[1]}}\nAnswer:", "{{ 'ABCD'[l[1]] }}", "{{ ['A','B'][n % 2] }}",
    "{% set opts = ['A','B','C'] %}{% for o in opts %}{{ o }}. {{ w[loop.index0] }}\n{% endfor %}Answer:", "{{ s.split(' ')[-1].strip() }}", "{{ (t.strip() + ' ' + q)|replace(\"'\", '') }}", "{{ [q.replace('i', 'o'), p.replace('say', 'x')] }}",
]

MESSAGES = {"bos_token": "<s>", "eos_token": "</s>", "add_generation_prompt": True, "tools": None, "messages": [
    {"role": "system", "content": " Odpowiadaj krótko. "}, {"role": "user", "content": "Kto to <jeż>?\n"},
    {"role": "assistant", "content": "Zwierzę & \"kolce\"."}, {"role": "user", "content": "Dziękuję!"}]}
TOOLS = MESSAGES | {"add_generation_prompt": False, "tools": [
    {"type": "function", "function": {"name": "pogoda", "description": "Pogoda w mieście.", "parameters": {
        "type": "object", "properties": {"miasto": {"type": "string"}, "dni": {"type": "integer"}}, "required": ["miasto"]}}}],
    "messages": [{"role": "user", "content": "Jaka pogoda?"},
                 {"role": "assistant", "content": "", "tool_calls": [{"type": "function", "function": {
                     "name": "pogoda", "arguments": {"miasto": "Łódź", "dni": 2, "x": [1.5, None, True, {}, []]}}}]},
                 {"role": "tool", "content": "{\"temp\": 3}"}, {"role": "user", "content": "A jutro?"}]}
BAD_ROLES = MESSAGES | {"messages": [{"role": "user", "content": "a"}, {"role": "user", "content": "b"}]}
EMPTY = MESSAGES | {"messages": []}

CHATML = """{% for message in messages %}
{{ '<|im_start|>' + message['role'] + '\\n' + message['content'] + '<|im_end|>' + '\\n' }}
{% endfor %}
{% if add_generation_prompt %}
{{ '<|im_start|>assistant\\n' }}
{% endif %}
"""
TURNS = """{{- bos_token }}
{%- if messages[0]['role'] == 'system' %}
    {%- set system_message = messages[0]['content']|trim %}
    {%- set loop_messages = messages[1:] %}
{%- else %}
    {%- set system_message = "" %}
    {%- set loop_messages = messages %}
{%- endif %}
{#- The rules come first -#}
{%- if tools is not none and tools is defined %}
    {{- "<|start|>tools<|end|>\\n\\n" }}
    {%- for t in tools %}
        {{- t | tojson(indent=4) }}
        {{- "\\n\\n" }}
    {%- endfor %}
{%- endif %}
{%- for message in loop_messages %}
    {%- if not (message.role == 'tool' or 'tool_calls' in message) %}
        {{- '<|start|>' + message['role'] + '<|end|>\\n\\n' + message['content'] | trim + '<|eot|>' }}
    {%- elif 'tool_calls' in message %}
        {%- if not message.tool_calls|length == 1 %}
            {{- raise_exception("one call at a time") }}
        {%- endif %}
        {%- set tool_call = message.tool_calls[0].function %}
        {{- '{"name": "' + tool_call.name + '", "parameters": ' }}
        {{- tool_call.arguments | tojson }}
        {{- "}" }}
    {%- else %}
        {%- if message.content is mapping or message.content is iterable and message.content is not string %}
            {{- message.content | tojson }}
        {%- else %}
            {{- message.content }}
        {%- endif %}
    {%- endif %}
{%- endfor %}
{%- if add_generation_prompt %}
    {{- '<|start|>assistant<|end|>\\n\\n' }}
{%- endif %}
"""
TOOLS_FIRST = """{%- if tools %}
    {{- '<|im_start|>system\\n' }}
    {%- if messages[0]['role'] == 'system' %}{{- messages[0]['content'] }}{%- else %}{{- 'You help.' }}{%- endif %}
    {{- "\\n\\n# Tools\\n<tools>" }}
    {%- for tool in tools %}
        {{- "\\n" }}
        {{- tool | tojson }}
    {%- endfor %}
    {{- "\\n</tools><|im_end|>\\n" }}
{%- endif %}
{%- set ns = namespace(multi_step=true, last=messages|length - 1) %}
{%- for message in messages[::-1] %}
    {%- set index = (messages|length - 1) - loop.index0 %}
    {%- if ns.multi_step and message.role == "user" and not(message.content.startswith('<x>') and message.content.endswith('</x>')) %}
        {%- set ns.multi_step = false %}
        {%- set ns.last = index %}
    {%- endif %}
{%- endfor %}
{%- for message in messages %}
    {%- if (message.role == "user") or (message.role == "system" and not loop.first) or (message.role == "assistant" and not message.tool_calls) %}
        {{- '<|im_start|>' + message.role + '\\n' + message.content + '<|im_end|>' + '\\n' }}
    {%- elif message.role == "assistant" %}
        {{- '<|im_start|>' + message.role }}
        {%- if message.content %}{{- '\\n' + message.content }}{%- endif %}
        {%- for tool_call in message.tool_calls %}
            {%- if tool_call.function is defined %}{%- set tool_call = tool_call.function %}{%- endif %}
            {{- '\\n<tool_call>\\n{"name": "' }}
            {{- tool_call.name }}
            {{- '", "arguments": ' }}
            {{- tool_call.arguments | tojson }}
            {{- '}\\n</tool_call>' }}
        {%- endfor %}
        {{- '<|im_end|>\\n' }}
    {%- elif message.role == "tool" %}
        {%- if (loop.index0 == 0) or (messages[loop.index0 - 1].role != "tool") %}{{- '<|im_start|>user' }}{%- endif %}
        {{- '\\n<tool_response>\\n' }}{{- message.content }}{{- '\\n</tool_response>' }}
        {%- if loop.last or (messages[loop.index0 + 1].role != "tool") %}{{- '<|im_end|>\\n' }}{%- endif %}
    {%- endif %}
{%- endfor %}
{%- if add_generation_prompt %}{{- '<|im_start|>assistant\\n' }}{%- if enable_thinking is defined and enable_thinking is false %}{{- '<think>' }}{%- endif %}{%- endif %}{{ ns.last }}
"""
INSTRUCTIONS = """{%- if messages[0]["role"] == "system" %}
    {%- set system_message = messages[0]["content"] %}
    {%- set loop_messages = messages[1:] %}
{%- else %}
    {%- set loop_messages = messages %}
{%- endif %}
{%- if not tools is defined %}{%- set tools = none %}{%- endif %}
{%- set user_messages = loop_messages | selectattr("role", "equalto", "user") | list %}
{%- set ns = namespace(index=0) %}
{%- for message in loop_messages %}
    {%- if not (message.role == "tool" or (message.tool_calls is defined and message.tool_calls is not none)) %}
        {%- if (message["role"] == "user") != (ns.index % 2 == 0) %}
            {{- raise_exception("Roles must alternate user/assistant/user/assistant/...") }}
        {%- endif %}
        {%- set ns.index = ns.index + 1 %}
    {%- endif %}
{%- endfor %}
{{- bos_token }}
{%- for message in loop_messages %}
    {%- if message["role"] == "user" %}
        {%- if tools is not none and (message == user_messages[-1]) %}
            {{- "[AVAILABLE_TOOLS] [" }}
            {%- for tool in tools %}
                {%- set tool = tool.function %}
                {{- '{"type": "function", "function": {' }}
                {%- for key, val in tool.items() if key != "return" %}
                    {%- if val is string %}{{- '"' + key + '": "' + val + '"' }}{%- else %}{{- '"' + key + '": ' + val|tojson }}{%- endif %}
                    {%- if not loop.last %}{{- ", " }}{%- endif %}
                {%- endfor %}
                {{- "}}" }}
                {%- if not loop.last %}{{- ", " }}{%- else %}{{- "]" }}{%- endif %}
            {%- endfor %}
            {{- "[/AVAILABLE_TOOLS]" }}
        {%- endif %}
        {%- if loop.last and system_message is defined %}
            {{- "[INST] " + system_message + "\\n\\n" + message["content"] + "[/INST]" }}
        {%- else %}
            {{- "[INST] " + message["content"] + "[/INST]" }}
        {%- endif %}
    {%- elif message.tool_calls is defined and message.tool_calls is not none %}
        {{- "[TOOL_CALLS] [" }}
        {%- for tool_call in message.tool_calls %}{%- set out = tool_call.function|tojson %}{{- out[:-1] }}{{- ', "id": "' + loop.index|string + '"}' }}{%- endfor %}
        {{- "]" + eos_token }}
    {%- elif message["role"] == "assistant" %}
        {{- " " + message["content"]|trim + eos_token}}
    {%- elif message["role"] == "tool" %}
        {{- '[TOOL_RESULTS] {"content": ' + message.content|string + "}[/TOOL_RESULTS]" }}
    {%- else %}
        {{- raise_exception("Only user and assistant roles are supported") }}
    {%- endif %}
{%- endfor %}
"""
CHAT_SMALL = [
    "{{ missing }}|{{ missing is defined }}|{{ 'x' if missing }}|{{ missing|length }}|{{ [missing] }}", "{{ missing.x }}", "{% for x in missing %}a{% else %}b{% endfor %}", "{{ missing == missing2 }}{{ missing != 1 }}", "{{ missing + 1 }}",
    "{{ missing ~ 'x' }}", "{{ not missing }}", "{{ 'a' in missing }}", "{{ missing|upper }}", "{{ missing|default('d') }}", "{{ missing|join }}", "{{ missing|first is defined }}", "{{ missing|int }}", "{{ missing < 1 }}", "{{ missing() }}",
    "{{ messages|tojson }}", "{{ messages[0]|tojson(indent=2) }}", "{{ 'é\u2028<&>\\u0001\\x7f'|tojson }}", "{{ 'é😀'|tojson(ensure_ascii=true) }}", "{{ {'b': 1, 'a': [1, {}]}|tojson(sort_keys=true) }}", "{{ [1, [], {}]|tojson(indent='\\t') }}", "{{ [1.0, 1e20, -0.0, none, true]|tojson }}",
    "{{ {'a': 1}|tojson(separators=(',', ':')) }}", "{{ {1: 2, none: 3, true: 4}|tojson }}", "{{ range(2)|tojson }}", "{{ missing|tojson }}", "{{ (1, 2)|tojson }}", "{{ {'a': 1}|tojson(indent=2, separators=(',', ':')) }}",
    "{{ raise_exception('no') }}", "{% for x in [1,2,3] %}{% if x == 2 %}{% continue %}{% endif %}{{ x }}{% endfor %}", "{% for x in [1,2,3] %}{% if x == 2 %}{% break %}{% endif %}{{ x }}{% else %}e{% endfor %}", "{% break %}",
    "{% for m in messages %}{% if m.role == 'assistant' %}{% generation %}{{ m.content }}{% endgeneration %}{% endif %}{% endfor %}", "{% set x = [] %}{% set _ = x.append(1) %}{{ x }}", "{{ messages.append(1) }}", "{{ messages[0].update(a=1) }}", "{{ messages.pop() }}", "{{ ''.__class__.__mro__ }}", "{{ messages.__len__() }}",
    "  {% if true %}\n x\n  {% endif %}\n  {{ 1 }}\n", "a\n  {# c #}\nb\n", "{% if true +%}\nx{% endif %}", "  {%+ if true %}x{% endif %}", "{% raw %}\n{{ x }}\n  {% endraw %}\ny", "x\n\n", "{{ 1 }}\n  {%- if true %}  a{% endif %}\nb", "   {% set x = 1 %}   \n{{ x }}",
    "a {% if true %}\nb", "\n\n  {% for i in range(2) %}\n  - {{ i }}\n  {% endfor %}\nend", "a\r\n  {% if true %}\r\nb{% endif %}\r\n", "\t{% if true %} {% endif %}\n", "x{# a #}\ny{#- b -#}\nz", "  {{- 1 }}  {%- set x = 2 -%}  {{ x }}", "\u3000{% if true %}x{% endif %}",
    "{% for a in range(3) %}{% for b in range(3) %}{% if b > a %}{% break %}{% endif %}{{ a }}{{ b }} {% endfor %}{% endfor %}", "{{ messages|map(attribute='role')|unique|list }}", "{{ messages|selectattr('role', 'eq', 'user')|map(attribute='content')|list|last }}",
    "{{ (messages|last).content }}", "{{ messages[-1].content[:3] ~ messages|length }}", "{% macro turn(m, end='!') -%}\n  <{{ m.role }}>{{ m.content|trim }}{{ end }}\n{%- endmacro %}\n{% for m in messages %}{{ turn(m) }}{{ turn(m, end='') if loop.last }}{% endfor %}",
    "{{ bos_token ~ eos_token }}{{ {'a': missing.x|default(1)} }}", "{% set content = messages[1].content %}{% if '<' in content and content.split('>')|length > 1 %}{{ content.split('<')[1].rstrip('\\n').lstrip('x') }}{% endif %}",
]


def cut(block):
    """The expressions of a block: parted by ';' in rows that have one, by '|' in the others."""
    for row in block.strip("\n").split("\n"):
        yield from row.split(";" if ";" in row else "|")


CASES = [("task", V, ["{{ " + e + " }}" for e in cut(EXPRESSIONS)] + STATEMENTS),
         ("chat", MESSAGES, [CHATML, TURNS, TOOLS_FIRST, INSTRUCTIONS] + CHAT_SMALL + STATEMENTS),
         ("chat", TOOLS, [CHATML, TURNS, TOOLS_FIRST, INSTRUCTIONS]),
         ("chat", BAD_ROLES, [CHATML, TURNS, TOOLS_FIRST, INSTRUCTIONS]),
         ("chat", EMPTY, [CHATML, TURNS, TOOLS_FIRST, INSTRUCTIONS])]
