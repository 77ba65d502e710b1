// What a tool answers if the user has to link an account first, by the client's revision and capabilities
// (MCP 2025-11-25 and 2026-07-28, Elicitation).
import { describe, expect, test } from 'vitest'
import { askToLink, type AskToLinkOptions } from '../../src/resource-server/elicitation.ts'

const auth = { link: async (provider: string) => new URL(`https://as.test/link/${provider}?ticket=t`) }
const url = 'https://as.test/link/github?ticket=t'
const capabilities = { elicitation: { url: {} } }
const ask = (options: AskToLinkOptions): Promise<unknown> => askToLink(auth, 'github', options)
const asText = {
  content: [
    { type: 'text', text: `Connect your github account to go on. Open this link, then try again: ${url}` },
  ],
  isError: true,
}

describe('LK5 2026-07-28', () => {
  const protocolVersion = '2026-07-28'

  test('an elicitation in the result, without an id', async () => {
    expect(await ask({ protocolVersion, capabilities, message: 'Connect GitHub.' })).toEqual({
      resultType: 'input_required',
      inputRequests: {
        'link-github': {
          method: 'elicitation/create',
          params: { mode: 'url', url, message: 'Connect GitHub.' },
        },
      },
    })
  })

  test.each<AskToLinkOptions['capabilities']>([
    {},
    { elicitation: {} },
    { elicitation: { form: {} } as object },
    undefined,
  ])('a client that cannot elicit by URL (%j) gets the link as text', async (declared) => {
    expect(await ask({ protocolVersion, capabilities: declared })).toEqual(asText)
  })

  test.each(['accept', 'decline', 'cancel'])(
    'a client that was asked (%s) gets a text, so that it does not ask for ever',
    async (action) => {
      const inputResponses = { 'link-github': { action } }
      expect(await ask({ protocolVersion, capabilities, inputResponses })).toEqual(asText)
      const other = { 'link-google': { action } }
      expect(await ask({ protocolVersion, capabilities, inputResponses: other })).toHaveProperty('resultType')
    },
  )
})

describe('LK5 2025-11-25', () => {
  const protocolVersion = '2025-11-25'

  test('throws −32042 with the elicitation and a new id each time', async () => {
    const thrown = async (): Promise<Record<string, unknown>> =>
      ask({ protocolVersion, capabilities }).then(
        () => expect.unreachable(),
        (error: unknown) => error as Record<string, unknown>,
      )
    const [one, two] = [await thrown(), await thrown()]
    expect(one).toBeInstanceOf(Error)
    expect([one['code'], one['data']]).toEqual([
      -32_042,
      {
        elicitations: [
          {
            mode: 'url',
            elicitationId: expect.stringMatching(/^[\w-]{27}$/) as string,
            url,
            message: 'Connect your github account to go on.',
          },
        ],
      },
    ])
    expect(one['data']).not.toEqual(two['data'])
  })

  test('throws the class that is passed in', async () => {
    class Own extends Error {
      readonly elicitations: readonly { url: string }[]
      constructor(elicitations: readonly { url: string }[]) {
        super('own')
        this.elicitations = elicitations
      }
    }
    const error = await ask({ protocolVersion, capabilities, UrlElicitationRequiredError: Own }).catch(
      (thrown: unknown) => thrown,
    )
    expect(error).toBeInstanceOf(Own)
    expect((error as Own).elicitations[0]!.url).toBe(url)
  })

  test('without the capability: a text', async () => {
    expect(await ask({ protocolVersion, capabilities: { elicitation: {} } })).toEqual(asText)
  })
})

test.each(['2025-06-18', '2025-03-26', undefined])(
  'LK5 %s knows no URL elicitation: a text',
  async (version) => {
    expect(await ask({ protocolVersion: version, capabilities })).toEqual(asText)
  },
)

// What a client writes is no mistake of the application.
const elicits = { protocolVersion: '2026-07-28', capabilities }
test.each<AskToLinkOptions>([
  { ...elicits, protocolVersion: 5 },
  { ...elicits, protocolVersion: '' },
  { ...elicits, protocolVersion: null },
  { ...elicits, protocolVersion: 'zzz' },
  { ...elicits, protocolVersion: ['2026-07-28'] },
  { ...elicits, protocolVersion: '2026-07-28-draft' },
  { ...elicits, capabilities: null },
  { ...elicits, capabilities: 'url' },
  { ...elicits, capabilities: { elicitation: null } },
  { ...elicits, capabilities: { elicitation: 'url' } },
  { ...elicits, capabilities: { elicitation: { url: true } } },
  { ...elicits, capabilities: { elicitation: { url: null } } },
  { ...elicits, inputResponses: 'x' },
  { ...elicits, inputResponses: null },
  { ...elicits, inputResponses: [] },
])('LK5 a client that writes %j gets the link as text', async (options) => {
  expect(await ask(options)).toEqual(asText)
})

test.each<[AskToLinkOptions, string]>([
  [{ message: '' }, '`message` must be a non-empty string'],
  [{ UrlElicitationRequiredError: {} as never }, '`UrlElicitationRequiredError` must be a class'],
  [{ capabilites: {} } as never, 'did you mean "capabilities"?'],
])('refuses %j', async (options, problem) => {
  await expect(ask(options)).rejects.toThrow(problem)
})
