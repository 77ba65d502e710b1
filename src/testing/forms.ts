/** A form of a page, with what a browser would send if the user changed nothing. */
export interface Form {
  readonly action: string
  readonly method: 'GET' | 'POST'
  readonly fields: readonly Field[]
  /** Named submit buttons. */
  readonly buttons: readonly { readonly name: string; readonly value: string }[]
  /** Without markup. */
  readonly text: string
}

/** A field, or one option of a group. */
export interface Field {
  readonly name: string
  readonly value: string
  /** `hidden`, `text`, `password`, `checkbox`, `radio`, `option` … */
  readonly type: string
  /** A checked box, or a selected option. */
  readonly isChosen: boolean
}

/** The forms of a page. Reads the HTML of sign-in and consent pages, not HTML in general: no script runs. */
export function readForms(html: string): Form[] {
  return [...html.matchAll(/<form\b([^>]*)>([\s\S]*?)<\/form>/gi)].map(([, tag, inner]) => {
    const form = attributesOf(tag!)
    return {
      action: form.get('action') ?? '',
      method: form.get('method')?.toLowerCase() === 'post' ? 'POST' : 'GET',
      fields: [...inputs(inner!), ...selects(inner!), ...textareas(inner!)],
      buttons: buttons(inner!),
      text: textOf(inner!),
    }
  })
}

/** The title or heading of a page, for messages. */
export const titleOf = (html: string): string =>
  textOf(/<(title|h1)\b[^>]*>([\s\S]*?)<\/\1>/i.exec(html)?.[2] ?? '')

function inputs(html: string): Field[] {
  return [...html.matchAll(/<input\b([^>]*)>/gi)].flatMap(([, tag]) => {
    const input = attributesOf(tag!)
    const [name, type = 'text'] = [input.get('name'), input.get('type')?.toLowerCase()]
    if (name === undefined || input.has('disabled') || ['submit', 'button', 'image', 'reset'].includes(type))
      return []
    const isBox = type === 'checkbox' || type === 'radio'
    return { name, type, value: input.get('value') ?? (isBox ? 'on' : ''), isChosen: input.has('checked') }
  })
}

function selects(html: string): Field[] {
  return [...html.matchAll(/<select\b([^>]*)>([\s\S]*?)<\/select>/gi)].flatMap(([, tag, inner]) => {
    const name = attributesOf(tag!).get('name')
    if (name === undefined) return []
    const options = [...inner!.matchAll(/<option\b([^>]*)>([\s\S]*?)(?=<\/option>|<option\b|$)/gi)].map(
      ([, option, label]) => {
        const attributes = attributesOf(option!)
        const value = attributes.get('value') ?? textOf(label!)
        return { name, type: 'option', value, isChosen: attributes.has('selected') }
      },
    )
    // A browser selects the first option if none is marked.
    return options.some((each) => each.isChosen)
      ? options
      : options.map((each, i) => ({ ...each, isChosen: i === 0 }))
  })
}

const textareas = (html: string): Field[] =>
  [...html.matchAll(/<textarea\b([^>]*)>([\s\S]*?)<\/textarea>/gi)].flatMap(([, tag, inner]) => {
    const name = attributesOf(tag!).get('name')
    return name === undefined ? [] : { name, type: 'textarea', value: decode(inner!), isChosen: false }
  })

const buttons = (html: string): Form['buttons'] =>
  [...html.matchAll(/<(button|input)\b([^>]*)>/gi)].flatMap(([, tag, rest]) => {
    const attributes = attributesOf(rest!)
    const type = attributes.get('type')?.toLowerCase() ?? (tag === 'button' ? 'submit' : 'text')
    const name = attributes.get('name')
    return type !== 'submit' || name === undefined ? [] : { name, value: attributes.get('value') ?? '' }
  })

function attributesOf(tag: string): ReadonlyMap<string, string> {
  const found = tag.matchAll(/([^\s"'=<>/]+)(?:\s*=\s*(?:"([^"]*)"|'([^']*)'|([^\s"'=<>`]+)))?/g)
  return new Map([...found].map(([, name, a, b, c]) => [name!.toLowerCase(), decode(a ?? b ?? c ?? '')]))
}

const textOf = (html: string): string =>
  decode(html.replaceAll(/<[^>]*>/g, ' '))
    .replaceAll(/\s+/g, ' ')
    .trim()

const entities: Readonly<Record<string, string>> = { amp: '&', lt: '<', gt: '>', quot: '"', apos: "'" }

const decode = (text: string): string =>
  text.replaceAll(/&(?:#(\d+)|#x([\da-f]+)|(\w+));/gi, (whole, decimal, hex, name: string) => {
    if (name !== undefined) return entities[name] ?? whole
    return String.fromCodePoint(parseInt(decimal ?? hex, decimal === undefined ? 16 : 10))
  })
