"""The part of plotly.js for our charts: what is kept, what goes, and what is refused."""

import re

import pytest

from chimera.plotly_cut import ForeignBundleError, cut

OPENING = "/* licence */\n(()=>{var Plotly=(()=>{"
DECLARATIONS = [
    "var make=Object.create;",
    "var esm=(e,t,r)=>()=>{return e&&(t=e(e=0)),t};",
    "var cjs=(e,t)=>()=>{return t||e((t={exports:{}}).exports,t),t.exports},put=(e,t)=>{for(var r in t)e[r]=t[r]};",
    'var scatter=cjs((e,t)=>{t.exports={moduleType:"trace",name:"scatter"}});',
    r'var words=cjs(e=>{e.text=`} ${[1,"}"].map(t=>`{${t}`)} ]`;e.test=/[/}]\)"/.test("{")});',
    'var bar=cjs((e,t)=>{words();t.exports={moduleType:"trace",name:"bar"}});',
    "var barLib=cjs((e,t)=>{t.exports=bar()});",
    "var space={};",
    "put(space,{far:()=>far});",
    "function far(t){return near(t)/2/1}",
    "function near(t){return t}",
    "var held,map3=esm(()=>{held=2});",
    'var pie=cjs((e,t)=>{map3();space.far(held);t.exports={moduleType:"trace",name:"pie"}});',
    "var pieLib=cjs((e,t)=>{t.exports=pie()});",
    "var core=cjs((e,t)=>{t.exports={register(e){return e.map(t=>t.name)},all:[scatter()]}});",
    "var entry=cjs((e,t)=>{var r=core();t.exports=r.register([barLib(),pieLib()])});",
]
BUNDLE = f"{OPENING}{''.join(DECLARATIONS)}return entry();}})();\nwindow.Plotly=Plotly}})();"


def declared(text: str) -> set[str]:
    return set(re.findall(r"(?:var |function )(\w+)[=(,]", text))


def test_what_the_wanted_traces_do_not_reach_is_left_out():
    text = cut(BUNDLE, {"bar"})
    assert "register([barLib()])" in text and text.startswith("/* licence */") and text.rstrip().endswith("})();")
    assert {"scatter", "bar", "words", "core", "cjs"} <= declared(text)
    assert declared(text).isdisjoint({"pie", "pieLib", "far", "near", "space", "held", "map3", "esm"})


def test_a_module_brings_its_names_and_functions():
    text = cut(BUNDLE, {"pie"})
    assert {"pie", "space", "far", "near", "held", "esm"} <= declared(text)
    assert "put(space,{far:()=>far});" in text and "barLib" not in text


@pytest.mark.parametrize(
    ("bundle", "said"),
    [("var Plotly=1", "begin or end"), (BUNDLE.replace("r.register", "r.add"), "registered"),
     (BUNDLE.replace("return near(t)", "return (near(t)"), "close"), 
     (BUNDLE.replace("var space={};", "space={};"), "kind")],
)  # fmt: skip
def test_another_bundle_is_refused(bundle, said):
    with pytest.raises(ForeignBundleError, match=said):
        cut(bundle, {"bar"})


def test_an_unknown_trace_type_is_named():
    with pytest.raises(ForeignBundleError, match="no trace type radar"):
        cut(BUNDLE, {"bar", "radar"})
