/**
 * The one stylesheet. Colours are variables; the rest is the same in light and dark. The pages can be read
 * without it. Approve takes no click in the first moments in which the pointer is over the page: the second
 * click of a double click, meant for a window above that has just closed itself, approves nothing
 * (clickjacking that no header forbids).
 */
export const style = `
:root{color-scheme:light dark;--bg:#f4f5f7;--card:#fff;--text:#171a1f;--soft:#565d69;--line:#dfe2e8;--edge:#858d9a;--tint:#f7f8fa;--warn:#fff6e0;--warn-line:#e6bf62;--warn-text:#5c3d00;--bad:#fdeceb;--bad-line:#e8a29c;--bad-text:#7d1a12;--good:#1b6b3a;--good-bg:#e5f4ea;--accent:var(--light);--on-accent:var(--on-light)}
@media(prefers-color-scheme:dark){:root{--bg:#101216;--card:#191c22;--text:#edeff3;--soft:#a7afbc;--line:#2c313a;--edge:#7b8494;--tint:#1f232a;--warn:#2b2413;--warn-line:#6d5820;--warn-text:#f3d68f;--bad:#321b1a;--bad-line:#7a3a35;--bad-text:#ffb9b2;--good:#86d9a4;--good-bg:#17301f;--accent:var(--dark);--on-accent:var(--on-dark)}}
*{box-sizing:border-box}
body{margin:0;min-height:100vh;display:flex;flex-direction:column;align-items:center;padding:clamp(1rem,5vh,3.5rem) 1rem 2rem;background:var(--bg);color:var(--text);font:1rem/1.5 system-ui,sans-serif;-webkit-text-size-adjust:100%}
.brand{display:flex;align-items:center;gap:.625rem;margin:0 0 1.25rem;font-weight:600}
.brand img{display:block;height:2rem;width:auto;max-width:10rem}
.brand i{display:grid;place-items:center;width:1.75rem;height:1.75rem;border-radius:.5rem;background:var(--accent);color:var(--on-accent);font-style:normal;font-size:.9375rem}
main{width:100%;max-width:29rem;background:var(--card);border:1px solid var(--line);border-radius:1.125rem;box-shadow:0 12px 32px -12px #0000001f;padding:2rem;overflow-wrap:anywhere}
main.wide{max-width:40rem}
h1{margin:0;font-size:1.5rem;line-height:1.25;font-weight:650;text-wrap:balance}
p{margin:.5rem 0 0}
a{color:inherit;text-underline-offset:.2em}
code{font:.8125rem/1.4 ui-monospace,monospace}
.soft{color:var(--soft);font-size:.875rem}
.badges{display:flex;flex-wrap:wrap;gap:.375rem .5rem;align-items:center;margin:.75rem 0 0;font-size:.875rem;color:var(--soft)}
.badge{display:inline-flex;align-items:center;gap:.3125rem;padding:.0625rem .5625rem;border-radius:1rem;font-size:.8125rem;font-weight:600;border:1px solid var(--warn-line);background:var(--warn);color:var(--warn-text)}
.to{margin:1.5rem 0 0;padding:1rem 1.125rem;border-radius:.75rem;background:var(--tint);border:1px solid var(--line)}
.host{font-size:1.375rem;line-height:1.3;font-weight:650}
.note{margin:1rem 0 0;padding:.875rem 1.125rem;border-radius:.75rem;border:1px solid var(--warn-line);background:var(--warn);color:var(--warn-text);font-size:.9375rem}
.to p,.foot p,.note p:first-child{margin:0}
.bad{border-color:var(--bad-line);background:var(--bad);color:var(--bad-text)}
.good{border-color:transparent;background:var(--good-bg);color:var(--good)}
fieldset{margin:1.5rem 0 0;padding:0;border:0;min-width:0}
legend,h2,h3{margin:0;padding:0;font-size:1rem;font-weight:650}
.choice{display:flex;gap:.75rem;align-items:flex-start;padding:.75rem 1rem;border:1px solid var(--line);cursor:pointer}
.choices{margin:.625rem 0 0}
.choices .choice+.choice{border-top:0}
.choices .choice:first-child{border-radius:.75rem .75rem 0 0}
.choices .choice:last-child{border-radius:0 0 .75rem .75rem}
.choices .choice:only-child{border-radius:.75rem}
.choice span{flex:1;min-width:0}
.choice code{display:block;color:var(--soft)}
.plain{border:0;padding:.875rem 0 0;font-size:.9375rem}
input[type=checkbox]{appearance:none;flex:none;display:grid;place-content:center;width:1.25rem;height:1.25rem;margin:.125rem 0 0;border:1.5px solid var(--edge);border-radius:.3125rem;background:var(--card)}
input[type=checkbox]::before{content:"";width:.75rem;height:.75rem;background:var(--on-accent);clip-path:polygon(14% 44%,0 65%,45% 100%,100% 16%,82% 0,43% 62%);transform:scale(0)}
input[type=checkbox]:checked{background:var(--accent);border-color:var(--accent)}
input[type=checkbox]:checked::before{transform:none}
input:disabled{opacity:.55}
input[type=text]{width:100%;margin:.375rem 0 0;padding:.6875rem .875rem;font:inherit;color:inherit;background:var(--card);border:1px solid var(--edge);border-radius:.625rem}
.actions+.soft,dl+.soft{margin-top:1rem}
.actions{display:grid;grid-template-columns:1fr 1fr;gap:.75rem;margin:1.5rem 0 0}
.actions.one{grid-template-columns:1fr}
button,.button{display:block;width:100%;padding:.6875rem 1rem;min-height:2.875rem;font:inherit;font-weight:600;line-height:1.4;text-align:center;text-decoration:none;border-radius:.6875rem;border:1px solid var(--edge);background:var(--card);color:var(--text);cursor:pointer}
.choice:hover,.choice:has(:checked),button:hover,.button:hover{background:var(--tint)}
.primary,.primary:hover{background:var(--accent);color:var(--on-accent);border-color:var(--accent)}
.primary:hover{filter:brightness(1.06)}
@keyframes wait{from,to{pointer-events:none}}
@media(hover:hover){:root:hover .actions .primary{animation:wait .6s}}
.small{width:auto;min-height:2.25rem;padding:.3125rem .875rem;font-size:.875rem}
.link{display:inline;width:auto;min-height:0;padding:0;border:0;background:none;font-weight:400;text-decoration:underline;text-underline-offset:.2em;color:inherit}
.plain:hover,.plain:has(:checked),.link:hover{background:none}
:focus-visible{outline:3px solid var(--accent);outline-offset:2px}
.choice:focus-within{position:relative;z-index:1}
dl{margin:1.5rem 0 0;padding:1rem 0 0;border-top:1px solid var(--line);font-size:.875rem;display:grid;grid-template-columns:auto 1fr;gap:.375rem 1rem}
dt{grid-column:1;color:var(--soft)}
dd{grid-column:2;margin:0;min-width:0}
h2+p,h3+p{margin-top:.125rem}
.next{margin-top:1.75rem}
.choice:is(p,:has(:disabled)){cursor:auto}
p.choice{margin:0}
em{color:var(--soft);font-style:normal}
.clients{list-style:none;margin:1.25rem 0 0;padding:0}
.clients li{padding:1.125rem 0;border-top:1px solid var(--line);display:grid;grid-template-columns:1fr auto;gap:.25rem 1rem;align-items:start}
.clients li>div{min-width:0}
.clients li>p{grid-column:1/-1}
.clients ul{list-style:disc;margin:.375rem 0 0;padding:0 0 0 1.125rem;font-size:.9375rem}
.clients li li{display:list-item;padding:0;border:0}
.foot{display:flex;flex-wrap:wrap;gap:.5rem 1.5rem;align-items:center;justify-content:space-between;margin:1.25rem 0 0;padding:1.25rem 0 0;border-top:1px solid var(--line)}
summary{cursor:pointer;font-weight:600}
details .note{margin-top:.75rem}
.note form{margin:.75rem 0 0}
@media(max-width:30rem){main{padding:1.5rem 1.25rem;border-radius:1rem}h1{font-size:1.3125rem}.host{font-size:1.1875rem}dl{grid-template-columns:1fr;gap:0}dd{grid-column:1}dd+dt{margin-top:.5rem}}
@media(forced-colors:active){input[type=checkbox]{appearance:auto}input[type=checkbox]::before{display:none}.badge,.brand i,button,.button{border:1px solid}}
`
