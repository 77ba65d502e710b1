import { expect, test } from 'vitest'
import { createClient, pasteRedirect, type ClientOptions } from '../../src/client/index.ts'
import { createWorld, issuer, resource, type World } from '../support/client-world.ts'

const uri = 'http://localhost:8765/callback'

/** A user who pastes one text after the other, and the problems that are shown. */
async function paste(
  world: World,
  texts: ((back: URL) => string)[],
  options: ClientOptions = {},
): Promise<{ status: number | undefined; code: string | undefined; problems: (string | undefined)[] }> {
  const problems: (string | undefined)[] = []
  let back: URL | undefined
  const redirect = pasteRedirect({
    uri,
    ask: async (url, _, problem) => {
      problems.push(problem)
      back ??= new URL((await world.fetch(url, { redirect: 'manual' })).headers.get('location')!)
      return texts[problems.length - 1]!(back)
    },
  })
  const client = createClient({ fetch: world.fetch, clock: world.clock, redirect, ...options })
  const answer = await client
    .fetch(resource)
    .catch((error: unknown) => error as { code: string; status: number })
  const code = 'code' in answer ? answer.code : undefined
  return { status: code === undefined ? answer.status : undefined, code, problems }
}

test.each<[string, (back: URL) => string]>([
  ['double quotes', (back) => `"${back.href}"`],
  ['single quotes and blanks', (back) => `  '${back.href}' \n`],
  ['angle brackets', (back) => `<${back.href}>`],
  ['quotes that a word processor made', (back) => `“${back.href}”`],
  ['backticks', (back) => `\`${back.href}\``],
  ['lines that a terminal broke', (back) => `${back.href.slice(0, 40)}\n  ${back.href.slice(40)}`],
  ['no scheme', (back) => back.href.replace('http://', '')],
  ['the query in quotes', (back) => `"${back.search}"`],
])('U11 an address with %s is taken', async (_, text) => {
  expect(await paste(createWorld(), [text])).toEqual({ status: 200, code: undefined, problems: [undefined] })
})

const whole = (back: URL): string => back.href
test.each<[string, (back: URL) => string, string]>([
  ['an empty line', () => '', 'not an address'],
  ['blanks and quotes', () => ' "" ', 'not an address'],
  ['the bare code', (back) => back.searchParams.get('code')!, 'a code alone is not enough'],
  ['a word', () => 'done', 'not an address'],
  ['the page of the server', () => `${issuer}/authorize`, 'no "state"'],
  ['the page that was opened', (back) => `${uri}?state=${back.searchParams.get('state')}`, 'no "code"'],
  ['an older address', (back) => back.href.replace(/state=[^&]+/, 'state=old'), 'another attempt'],
  ['the code with another state', (back) => `${back.searchParams.get('code')}#old`, 'another attempt'],
  ['another path', (back) => back.href.replace('/callback', '/cb'), 'another path'],
])('U11 %s: the user is asked again, and told why', async (_, text, reason) => {
  const world = createWorld()
  const { status, problems } = await paste(world, [text, whole])
  expect(status).toBe(200)
  expect(problems).toEqual([undefined, expect.stringContaining(reason)])
  expect(world.to(`${issuer}/token`)).toHaveLength(1)
  expect(world.to(`${issuer}/register`)).toHaveLength(1)
})

test('U11 what is never an answer ends the attempt after five times, with the reason', async () => {
  const world = createWorld()
  const { code, problems } = await paste(
    world,
    Array.from({ length: 9 }, () => () => 'eof'),
  )
  expect(code).toBe('invalid_callback')
  expect(problems).toHaveLength(5)
  expect(world.to(`${issuer}/token`)).toEqual([])
})

test('U11 code#state, as some pages show it, is enough for a client with one redirect URI', async () => {
  const both = (back: URL): string => `${back.searchParams.get('code')}#${back.searchParams.get('state')}`
  const options: ClientOptions = { clients: [{ issuer, clientId: 'by-hand' }] }
  const world = createWorld()
  world.metadata['authorization_response_iss_parameter_supported'] = false
  expect(await paste(world, [both], options)).toMatchObject({ status: 200, problems: [undefined] })
  // Mix-up: `iss` is promised, or the path tells the issuers apart; neither is in what was pasted.
  const promised = createWorld()
  expect(await paste(promised, [both], options)).toMatchObject({ code: 'invalid_callback' })
  expect(promised.to(`${issuer}/token`)).toEqual([])
  const apart = createWorld()
  apart.metadata['authorization_response_iss_parameter_supported'] = false
  const { status, problems } = await paste(apart, [both, (back) => back.search, whole])
  expect(status).toBe(200)
  expect(problems.slice(1)).toEqual([
    expect.stringContaining('another path'),
    expect.stringContaining('another path'),
  ])
})

test('U11 a refusal that was pasted ends the attempt: the user has refused', async () => {
  const world = createWorld()
  const refusal = (back: URL): string => {
    back.searchParams.delete('code')
    back.searchParams.set('error', 'access_denied')
    return `"${back.href}"`
  }
  expect(await paste(world, [refusal])).toMatchObject({ code: 'access_denied', problems: [undefined] })
})

test('a redirect URI that no server may take is refused at construction', () => {
  const ask = (): string => ''
  expect(() => pasteRedirect({ uri: 'http://app.example.com/cb', ask })).toThrow(/http only on loopback.*got/)
  expect(() => pasteRedirect({ uri: 'com.example.app:/cb', ask })).not.toThrow()
})
