// Mermaid, as on GitHub: loaded from this site, and only on a page that has a diagram.
import address from '@mermaid-js/tiny/dist/mermaid.tiny.js?url'

interface Mermaid {
  initialize(options: Record<string, unknown>): void
  render(id: string, source: string): Promise<{ svg: string }>
}

const size = { useMaxWidth: false }
/** A wide diagram shrinks to the column, but not so far that its text cannot be read: then it scrolls. */
const smallest = 0.7

let loading: Promise<Mermaid> | undefined
let count = 0

export async function drawDiagrams(dark: boolean): Promise<void> {
  const blocks = document.querySelectorAll<HTMLElement>('pre.mermaid, .diagram')
  if (blocks.length === 0) return
  const mermaid = await (loading ??= load())
  mermaid.initialize({
    startOnLoad: false,
    securityLevel: 'strict',
    theme: dark ? 'dark' : 'neutral',
    fontFamily: 'inherit',
    flowchart: size,
    sequence: size,
    state: size,
  })
  for (const block of blocks) await draw(mermaid, block)
}

async function draw(mermaid: Mermaid, block: HTMLElement): Promise<void> {
  const source = block.dataset['source'] ?? block.textContent ?? ''
  const { svg } = await mermaid.render(`diagram-${++count}`, source)
  const figure = document.createElement('figure')
  figure.className = 'diagram'
  figure.dataset['source'] = source
  // The keyboard scrolls what has the focus.
  figure.tabIndex = 0
  figure.innerHTML = svg
  const image = figure.querySelector('svg')
  if (image) image.style.minWidth = `${image.viewBox.baseVal.width * smallest}px`
  // A name for screen readers, unless the diagram has an accTitle of its own.
  if (image?.hasAttribute('aria-labelledby') === false)
    image.setAttribute('aria-label', `Diagram: ${headingBefore(block)}`)
  block.replaceWith(figure)
}

function headingBefore(block: HTMLElement): string {
  const headings = [...document.querySelectorAll('.vp-doc :is(h1, h2, h3)')]
  const before = headings.filter(
    (heading) => heading.compareDocumentPosition(block) & Node.DOCUMENT_POSITION_FOLLOWING,
  )
  return (
    before
      .at(-1)
      ?.textContent?.replace(/\u200B/g, '')
      .trim() ?? document.title
  )
}

async function load(): Promise<Mermaid> {
  const script = document.createElement('script')
  script.src = address
  await new Promise((resolve, reject) => {
    script.onload = resolve
    script.onerror = reject
    document.head.append(script)
  })
  return (globalThis as unknown as { mermaid: Mermaid }).mermaid
}
