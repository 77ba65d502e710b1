import { withoutQuery, type Submission, type TestPage } from './browser.ts'
import type { Field, Form } from './forms.ts'

/** What the user of a test client does. */
export interface TestUser {
  /** How the user signs in. Default: the user has nothing to type. */
  signIn?: {
    /** Go with each page request, for example the cookie of your own login's session. */
    headers?: Readonly<Record<string, string>>
    /** What the user types into the fields of a sign-in form, by name: `{ username, password }`. */
    fields?: Readonly<Record<string, string>>
    /** Words on the button of the way to sign in, if the page offers several. Default: the first. */
    way?: string
  }
  /** What the user answers on the consent page. */
  consent?: {
    /** Default: `approve`. */
    decision?: 'approve' | 'deny'
    /** The scopes that the user ticks. Default: all that the page offers. */
    scopes?: readonly string[]
    /** By name; the value of an option. Default: what is selected, else the first option. */
    choices?: Readonly<Record<string, string>>
  }
}

/** Answers the pages of a sign-in and of the consent. */
export interface PageUser {
  /** Throws an Error that names the page and what is missing. */
  answer(page: TestPage): Submission
  readonly seen: readonly string[]
}

export function createUser({ signIn = {}, consent = {} }: TestUser): PageUser {
  const seen: string[] = []
  return {
    seen,
    answer(page) {
      seen.push(`${page.url.pathname} ${page.title}`)
      const asks = page.forms.find((form) => form.buttons.some(({ name }) => name === 'decision'))
      if (asks !== undefined) return { form: asks, values: answerConsent(page, asks, consent) }
      const { way = '' } = signIn
      const form = page.forms.find((each) => each.text.includes(way))
      if (form === undefined)
        throw problem(page, page.forms.length === 0 ? 'has no form' : `has no form with the words "${way}"`)
      return { form, values: answerSignIn(page, form, signIn.fields ?? {}) }
    },
  }
}

type Consent = NonNullable<TestUser['consent']>

function answerConsent(
  page: TestPage,
  { fields }: Form,
  { decision = 'approve', scopes, choices = {} }: Consent,
): URLSearchParams {
  if (page.status >= 400) throw problem(page, 'refuses the answer')
  const values = new URLSearchParams(pairsOf(fields.filter(({ type }) => type === 'hidden')))
  const boxes = fields.filter(({ type, name }) => type === 'checkbox' && /^scope(?:-\d+)?$/.test(name))
  const offered = [...boxes, ...fields.filter(({ name, type }) => name === 'scope' && type === 'hidden')]
  const missing = scopes?.find(
    (scope) => !offered.some(({ value }) => value === scope) && !page.html.includes(scope),
  )
  if (missing !== undefined) throw problem(page, `does not offer the scope ${missing}`)
  for (const { name, value } of boxes) if (scopes?.includes(value) ?? true) values.append(name, value)
  const options = fields.filter(({ name }) => name.startsWith('choice-'))
  for (const name of new Set(options.map((each) => each.name)))
    values.set(
      name,
      pick(
        page,
        options.filter((each) => each.name === name),
        choices[name.slice('choice-'.length)],
      ),
    )
  values.set('decision', decision)
  return values
}

function pick(page: TestPage, options: readonly Field[], wanted: string | undefined): string {
  const first =
    options.find(({ isChosen, value }) => isChosen && value !== '') ??
    options.find(({ value }) => value !== '')
  const found = wanted === undefined ? first : options.find(({ value }) => value === wanted)
  if (found === undefined) throw problem(page, `has no option "${wanted}" for ${options[0]!.name.slice(7)}`)
  return found.value
}

function answerSignIn(
  page: TestPage,
  { fields }: Form,
  typed: Readonly<Record<string, string>>,
): URLSearchParams {
  if (page.status >= 400) throw problem(page, 'refuses what was typed')
  const kept = fields.filter(({ type, isChosen }) => !/^(?:checkbox|radio|option)$/.test(type) || isChosen)
  const values = new URLSearchParams(pairsOf(kept))
  for (const { name, type, value } of fields) {
    const isTyped = /^(?:text|password|email|textarea)$/.test(type)
    if (isTyped && value === '' && !Object.hasOwn(typed, name))
      throw problem(page, `asks for "${name}": pass signIn: { fields: { ${name}: … } }`)
    if (Object.hasOwn(typed, name)) values.set(name, typed[name]!)
  }
  return values
}

const pairsOf = (fields: readonly Field[]): [string, string][] =>
  fields.map(({ name, value }) => [name, value])

const problem = ({ url, status, title }: TestPage, what: string): Error =>
  new Error(`The page "${title}" (${status} at ${withoutQuery(url)}) ${what}`)
