// The one stylesheet. A page is readable without it.
//
// Clickjacking that no header prevents (`wait`): Approve takes no click for 0.6 s after the pointer enters
// the page.
// Otherwise the second click of a double click on a window above, which has just closed itself, would
// approve.
export const style = `
:root{color-scheme:light dark;--card:light-dark(#fff,#191c22);--soft:light-dark(#565d69,#a7afbc);--line:light-dark(#dfe2e8,#2c313a);--edge:light-dark(#858d9a,#7b8494);--tint:light-dark(#f7f8fa,#1f232a)}
*{box-sizing:border-box}
body{margin:0;min-height:100vh;padding:clamp(1rem,5vh,3.5rem) 1rem 2rem;background:light-dark(#f4f5f7,#101216);color:light-dark(#171a1f,#edeff3);font:1rem/1.5 system-ui,sans-serif;-webkit-text-size-adjust:100%}
header{display:flex;align-items:center;justify-content:center;gap:.6rem;margin:0 0 1.25rem;font-weight:600}
header img{height:2rem;max-width:10rem}
header i{display:grid;place-items:center;width:1.75rem;height:1.75rem;border-radius:.5rem;background:var(--accent);color:var(--on);font-style:normal}
main{max-width:29rem;margin:auto;padding:2rem;background:var(--card);border:1px solid var(--line);border-radius:1.1rem;box-shadow:0 12px 32px -12px #0002;overflow-wrap:anywhere}
.wide{max-width:40rem}
h1,h2,h3,legend{margin:0;padding:0;font-size:1rem;font-weight:650}
h1{font-size:1.5rem;line-height:1.25;text-wrap:balance}
p{margin:.5rem 0 0}
a{color:inherit;text-underline-offset:.2em}
code{font:.8rem/1.4 ui-monospace,monospace}
.soft,.badges,dl{color:var(--soft);font-size:.875rem}
.badges{display:flex;flex-wrap:wrap;align-items:center;gap:.4rem .5rem;margin-top:.75rem}
.badge,.note{border:1px solid light-dark(#e6bf62,#6d5820);background:light-dark(#fff6e0,#2b2413);color:light-dark(#5c3d00,#f3d68f)}
.badge{padding:0 .55rem;border-radius:1rem;font-weight:600}
.to,.note{margin:1rem 0 0;padding:1rem 1.1rem;border-radius:.75rem}
.to{background:var(--tint);border:1px solid var(--line)}
.to p,.note p:first-child,p.choice{margin:0}
.host{font-size:1.375rem;line-height:1.3;font-weight:650}
.bad{border-color:light-dark(#e8a29c,#7a3a35);background:light-dark(#fdeceb,#321b1a);color:light-dark(#7d1a12,#ffb9b2)}
.good{border-color:#0000;background:light-dark(#e5f4ea,#17301f);color:light-dark(#1b6b3a,#86d9a4)}
fieldset,.to,.actions,.next,dl,ul.clients,.foot{margin:1.5rem 0 0}
fieldset{padding:0;border:0;min-width:0}
.choices{margin:.6rem 0 0;border:1px solid var(--line);border-radius:.75rem;overflow:hidden}
.choice{display:flex;gap:.75rem;padding:.75rem 1rem;cursor:pointer}
.choice+.choice{border-top:1px solid var(--line)}
.choice span{flex:1;min-width:0}
.choice code{display:block;color:var(--soft)}
.choice:is(p,:has(:disabled)){cursor:auto}
.plain{padding:.9rem 0 0;font-size:.9375rem}
input:is([type=checkbox],[type=radio]){flex:none;width:1.2rem;height:1.2rem;margin:.15rem 0 0;accent-color:var(--accent)}
input:is([type=text],[type=password]),select{width:100%;margin:.4rem 0 0;padding:.7rem .9rem;font:inherit;color:inherit;background:var(--card);border:1px solid var(--edge);border-radius:.7rem}
.actions{display:grid;grid-auto-flow:column;grid-auto-columns:1fr;gap:.75rem}
button,.button{display:block;width:100%;padding:.7rem 1rem;min-height:2.9rem;font:inherit;font-weight:600;text-align:center;text-decoration:none;border:1px solid var(--edge);border-radius:.7rem;background:var(--card);color:inherit;cursor:pointer}
.choices .choice:hover,.choices :has(:checked),button:hover,.button:hover{background:var(--tint)}
.primary,.primary:hover{background:var(--accent);color:var(--on);border-color:var(--accent)}
@keyframes wait{from,to{pointer-events:none}}
@media(hover:hover){:root:hover .actions .primary{animation:wait .6s}}
.small{width:auto;min-height:2.25rem;padding:.3rem .9rem;font-size:.875rem}
.link{all:unset;text-decoration:underline;text-underline-offset:.2em;cursor:pointer}
:focus-visible{outline:3px solid var(--accent);outline-offset:2px}
dl{padding:1rem 0 0;border-top:1px solid var(--line);display:grid;grid-template-columns:auto 1fr;gap:.4rem 1rem}
dt{grid-column:1}
dd{grid-column:2;margin:0;color:light-dark(#171a1f,#edeff3)}
em{color:var(--soft);font-style:normal}
h2+p,h3+p{margin:.1rem 0 0}
dl+p,.actions+p{margin:1rem 0 0}
.clients{list-style:none;padding:0}
.clients>li{padding:1.1rem 0;border-top:1px solid var(--line);display:grid;grid-template-columns:1fr auto;gap:.25rem 1rem;align-items:start}
.clients>li>p{grid-column:1/-1}
.clients ul{list-style:disc;margin:.4rem 0 0;padding:0 0 0 1.1rem;font-size:.9375rem}
.foot{display:flex;flex-wrap:wrap;gap:.5rem 1.5rem;align-items:center;justify-content:space-between;padding:1.25rem 0 0;border-top:1px solid var(--line)}
summary{cursor:pointer;font-weight:600}
.note form{margin:.75rem 0 0}
@media(max-width:30rem){main{padding:1.5rem 1.25rem}.host{font-size:1.2rem}dl{display:block}dd+dt{margin-top:.5rem}}
@media(forced-colors:active){.badge,header i,button,.button{border:1px solid}}
`
