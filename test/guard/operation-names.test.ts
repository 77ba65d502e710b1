// What is judged is what a peer would run: names and URIs that can be read in two ways are refused before the handler.
import { expect, test } from 'vitest'
import { answer, verdict } from '../support/guard.ts'
import { call, code, modern, modernHeaders, operations } from '../support/operations.ts'
import type { OperationRules } from '../../src/resource-server/operations/operations.ts'

const rules: OperationRules = {
  'tools/call': { danger: ['notes:admin'], 'secret_*': ['notes:admin'] },
  'prompts/get': { secret: ['notes:admin'] },
  'resources/read': {
    'file:///private/*': ['files:read'],
    'vault://main/*': ['files:read'],
    'https://example.com/private/*': ['files:read'],
    'note:private/*': ['files:read'],
  },
  'resources/subscribe': { 'file:///private/*': ['files:read'] },
  'resources/unsubscribe': { 'file:///private/*': ['files:read'] },
  'completion/complete': { secret: ['notes:admin'], 'file:///private/*': ['files:read'] },
}

const message = (method: string, params: object, id: unknown = 1): Record<string, unknown> => ({
  jsonrpc: '2.0',
  id,
  method,
  params,
})

const variants = [
  'FILE:///private/keys.txt',
  'file:/private/keys.txt',
  'file:private/keys.txt',
  'file://localhost/private/keys.txt',
  'file://LOCALHOST/private/keys.txt',
  'file://127.0.0.1/private/keys.txt',
  'file:///public/../private/keys.txt',
  'file:///public/%2e%2E/private/keys.txt',
  'file:///./private/keys.txt',
  'file:////private/keys.txt',
  'file:///public//../private/keys.txt',
  'file:///pri\tvate/keys.txt',
  'file:///pri\nvate/keys.txt',
  ' file:///private/keys.txt',
  'file:///private/keys.txt ',
  '\u0000file:///private/keys.txt',
  'file:\\\\\\private\\keys.txt',
  'file:///public\\..\\private/keys.txt',
  'file:///private%2Fkeys.txt',
  'file:///private%2fkeys.txt',
  'file:///private%5Ckeys.txt',
  'file:///private%252Fkeys.txt',
  'file:///%70rivate/keys.txt',
  'file:///private%00/keys.txt',
  'file:///private%C0%AFkeys.txt',
  'file:///private%2/keys.txt',
  'file:///public/keys.txt?x=1',
  'file:///public/keys.txt#x',
  'file:///public/keys.txt#',
  'HTTPS://example.com/private/a',
  'https://EXAMPLE.com/private/a',
  'https://example.com:443/private/a',
  'https://example.com./private/a',
  'https://user@example.com/private/a',
  'https://example.com/public/../private/a',
  'https:example.com/private/a',
  'https://example.com',
  'note:public/../private/a',
  'note:./private/a',
  'note:public//private/a',
  'VAULT://main/a',
  'vault://main/../main/a',
  'vault://main/caf\u00e9',
  'vault://main/{a}',
  'private/keys.txt',
  '//localhost/private/keys.txt',
]

test.each(['resources/read', 'resources/subscribe', 'resources/unsubscribe'])(
  'S1 %s: a URI that is not in its normal form is a JSON-RPC error, and the handler is not called',
  async (method) => {
    const { it, send } = await operations({ rules })
    for (const uri of variants) {
      const response = await send(message(method, { uri }))
      expect([uri, response.status, await code(response)]).toEqual([uri, 400, -32602])
    }
    expect(it.calls).toBe(0)
    expect(await verdict(await send(message(method, { uri: 'file:///private/keys.txt' })))).toBe('403-scope')
    expect(it.calls).toBe(0)
  },
)

test('S1 2026-07-28 an equal Mcp-Name makes no URI normal', async () => {
  const { it, send } = await operations({ rules })
  for (const uri of ['FILE:///private/keys.txt', 'file:/private/keys.txt']) {
    const response = await send(modern('resources/read', { uri }), modernHeaders('resources/read', uri))
    expect([uri, response.status, await code(response)]).toEqual([uri, 400, -32602])
  }
  expect(it.calls).toBe(0)
})

test.each([
  'file:///public/keys.txt',
  'file:///public/caf%C3%A9%20au%20lait.txt',
  'https://example.com/public/a?x=a/../b&y=//c',
  'https://example.com/',
  'https://example.com:8443/a:b@c',
  'vault://Other/a',
  'note:public/a',
  'urn:isbn:0451450523',
  'greeting://Alice',
  'ui://widget/main.html',
  'data:text/plain;base64,SGFsbG8=',
])('S1 the URI %s is in its normal form', async (uri) => {
  const { send } = await operations({ rules })
  expect((await send(message('resources/read', { uri }))).status).toBe(200)
})

test.each([
  'vault://MAIN/a',
  'vault://Main/a',
  'file:///PRIVATE/keys.txt',
  'https://example.com/Private/a',
  'NOTE:private/a'.toLowerCase().replace('p', 'P'),
])('S1 %s is judged as a peer that does not tell case apart would read it', async (uri) => {
  const { it, send } = await operations({ rules })
  expect(await verdict(await send(message('resources/read', { uri })))).toBe('403-scope')
  expect(it.calls).toBe(0)
  const granted = await operations({ rules, scope: 'files:read' })
  expect((await granted.send(message('resources/read', { uri }))).status).toBe(200)
})

test('S1 a table that tells two names apart by case is believed', async () => {
  const { send } = await operations({ rules: { 'tools/call': { read: ['notes:read'], Read: ['x'] } } })
  expect((await send(call('read'))).status).toBe(200)
  expect(await verdict(await send(call('Read')))).toBe('403-scope')
  expect(await verdict(await send(call('READ')))).toBe('403-scope')
})

test('S1 a URI that no rule looks at passes as it is', async () => {
  const { send } = await operations({ rules: { 'resources/read': ['notes:read'] } })
  expect((await send(message('resources/read', { uri: 'https://example.com' }))).status).toBe(200)
})

test.each(['danger ', ' danger', '\tdanger', 'danger\n', 'dan\u0000ger', 'danger\ufeff', 'danger\u00a0', ''])(
  'S1 the tool and the prompt name %j are refused',
  async (name) => {
    const { it, send } = await operations({ rules })
    for (const method of ['tools/call', 'prompts/get'])
      expect([method, await code(await send(message(method, { name })))]).toEqual([method, -32602])
    expect(it.calls).toBe(0)
  },
)

test.each(['DANGER', 'Danger', 'd\u200banger', '\uff44anger', 'SECRET_x'])(
  'S1 the tool name %j is judged as a peer that folds it would read it',
  async (name) => {
    const { it, send } = await operations({ rules })
    expect(await verdict(await send(call(name)))).toBe('403-scope')
    expect(it.calls).toBe(0)
  },
)

test.each(['Tools/Call', 'tools/call ', ' tools/call', 'tools/call\u0000', 'TOOLS/CALL', 'Resources/Read'])(
  'S1 the method %j is another spelling of a known one, and refused',
  async (method) => {
    const { it, send } = await operations({ rules })
    const response = await send(message(method, { name: 'danger', uri: 'file:///private/a' }))
    expect([response.status, await code(response)]).toEqual([400, -32602])
    expect(it.calls).toBe(0)
  },
)

test('S1 an operation without its name is refused, wherever a peer might look for one', async () => {
  const { it, send } = await operations({ rules })
  for (const params of [
    undefined,
    null,
    [],
    ['danger'],
    {},
    { arguments: { name: 'danger' } },
    { uri: 'danger' },
  ])
    for (const method of ['tools/call', 'prompts/get', 'completion/complete'])
      expect([params, await code(await send({ jsonrpc: '2.0', id: 1, method, params }))]).toEqual([
        params,
        -32602,
      ])
  expect(it.calls).toBe(0)
})

test('S1 2026-07-28 subscriptions/listen needs what resources/subscribe needs for each resource', async () => {
  const listen = (resourceSubscriptions: unknown): Record<string, unknown> =>
    message('subscriptions/listen', { notifications: { toolsListChanged: true, resourceSubscriptions } })
  const { it, send } = await operations({ rules })
  expect(await verdict(await send(listen(['file:///public/a', 'file:///private/a'])))).toBe('403-scope')
  for (const wrong of [['FILE:///private/a'], [5], 'FILE:///private/a', [null]])
    expect([wrong, await code(await send(listen(wrong)))]).toEqual([wrong, -32602])
  expect(await code(await send(listen(Array.from({ length: 1001 }, (_, i) => `file:///public/${i}`))))).toBe(
    -32602,
  )
  expect(it.calls).toBe(0)
  for (const fine of [['file:///public/a'], [], undefined])
    expect([fine, (await send(listen(fine))).status]).toEqual([fine, 200])
  expect((await send(message('subscriptions/listen', {}))).status).toBe(200)
})

test('S9 a completion is judged by the type of its reference, and members of the other type are refused', async () => {
  const { it, send } = await operations({ rules })
  const complete = (ref: unknown): Promise<Response> => send(message('completion/complete', { ref }))
  const uri = 'file:///private/{name}'
  for (const ref of [
    { type: 'ref/resource', uri: 'file:///private/a' },
    { type: 'ref/resource', uri },
    { type: 'ref/prompt', name: 'secret' },
  ])
    expect([ref, await verdict(await complete(ref))]).toEqual([ref, '403-scope'])
  for (const ref of [
    { type: 'ref/resource', name: 'harmless', uri },
    { type: 'ref/prompt', name: 'harmless', uri },
    { type: 'ref/prompt', name: 'secret', uri: 'file:///public/a' },
    { type: 'ref/resource', name: 'secret' },
    { type: 'ref/prompt', uri },
    { type: 'REF/RESOURCE', uri },
    { type: 'ref/other', name: 'harmless' },
    { type: ['ref/resource'], uri },
    { name: 'harmless' },
    { uri },
    { type: 'ref/resource', uri: [uri] },
    { type: 'ref/resource', uri: 'FILE:///private/{name}' },
    { type: 'ref/resource', uri: 'file:///public/../private/{name}' },
    { type: 'ref/resource', uri: 'file:///private{name' },
    { type: 'ref/prompt', name: 'secret ' },
    'secret',
    null,
  ])
    expect([ref, await code(await complete(ref))]).toEqual([ref, -32602])
  expect(it.calls).toBe(0)
  for (const ref of [
    { type: 'ref/resource', uri: 'file:///public/{name}' },
    { type: 'ref/resource', uri: 'file:///public/a' },
    { type: 'ref/prompt', name: 'harmless', title: 'Harmless' },
    { type: 'ref/prompt', name: 'NS:Prompt' },
  ])
    expect([ref, (await complete(ref)).status]).toEqual([ref, 200])
})

test('S23 names and methods above 2 kB are refused before they are compared', async () => {
  const stars = `${'*a'.repeat(100)}*b`
  const { it, send } = await operations({ rules: { 'tools/call': { [stars]: ['x'] } }, scope: '' })
  const long = 'a'.repeat(4_000_000)
  const start = message('tools/call', { name: long })
  expect(await code(await send(start))).toBe(-32602)
  expect(await code(await send(message('tools/call', { name: 'a'.repeat(2049) })))).toBe(-32602)
  expect(await code(await send(message('resources/read', { uri: `file:///${long}` })))).toBe(-32602)
  expect(await code(await send(message(long, {})))).toBe(-32602)
  expect(
    await code(await send(message('completion/complete', { ref: { type: 'ref/prompt', name: long } }))),
  ).toBe(-32602)
  expect(it.calls).toBe(0)
  expect((await send(message('tools/call', { name: 'a'.repeat(2048) }))).status).toBe(200)
  expect(await verdict(await send(message('tools/call', { name: `${'a'.repeat(2047)}b` })))).toBe('403-scope')
})

test('S23 a batch asks for at most 1000 operations', async () => {
  const { it, send } = await operations({ rules })
  const batch = (length: number): unknown[] => Array.from({ length }, (_, id) => call('open', {}, id))
  expect(await code(await send(batch(1001)))).toBe(-32600)
  const resourceSubscriptions = Array.from({ length: 1000 }, (_, id) => `note://x/${id}`)
  const listen = message('subscriptions/listen', { notifications: { resourceSubscriptions } })
  expect(await code(await send(listen))).toBe(-32602)
  const answers = `[${'{"id":1,"result":{}},'.repeat(1000)}{}]`
  expect(await code(await send(answers))).toBe(-32600)
  expect(it.calls).toBe(0)
  expect((await send(batch(1000))).status).toBe(200)
})

/** What a handler that reads the host or the path of a URI does not see. */
test.each([
  ['users://1/private', 'admin'],
  ['users://1/private?q=1', 'admin'],
  ['users://1/private?', 'admin'],
  ['users://1/private/', 'admin'],
  ['users://1/PRIVATE?q=1', 'admin'],
  ['users://1:80/private', 'admin'],
  ['note://secret', 'secret'],
  ['note://secret/', 'secret'],
  ['note://secret:80/?x', 'secret'],
  ['https://example.com/?x', 'root'],
  ['https://example.com:8443/', 'root'],
  ['note://secrets', 'other'],
  ['users://1/private/x', 'other'],
])(
  'S1 the rule for a URI counts with a query, a port or a slash at its end: %s needs %s',
  async (uri, scope) => {
    const { send } = await operations({
      rules: {
        'resources/read': {
          '*': ['other'],
          'users://*/private': ['admin'],
          'note://secret': ['secret'],
          'https://example.com/': ['root'],
        },
      },
    })
    const needed = answer(await send(message('resources/read', { uri }))).scope?.split(' ')
    expect(needed).toContain(scope)
  },
)

test('S1 a table that tells a query from none is believed, and none of its rules opens what deny closes', async () => {
  const told = await operations({
    rules: { 'resources/read': { 'db://t': ['whole'], 'db://t?*': ['part'], 'db://t/*': ['row'] } },
  })
  for (const [uri, scope] of [
    ['db://t?a=1', 'part'],
    ['db://t/', 'row'],
    ['db://t', 'whole'],
  ])
    expect([uri, answer(await told.send(message('resources/read', { uri }))).scope]).toEqual([uri, scope])
  const closed = await operations({
    rules: { 'resources/read': { 'db://t': [] } },
    options: { default: 'deny' },
  })
  expect((await closed.send(message('resources/read', { uri: 'db://t?a=1' }))).status).toBe(403)
})
