// The table of rules: what it may say, and what becomes of what it does not name.
import { expect, test } from 'vitest'
import { InsufficientScopeError } from '../../src/errors.ts'
import { operationScopes, type OperationRules } from '../../src/resource-server/operations/operations.ts'
import { answer, verdict } from '../support/guard.ts'
import { call, code, operations } from '../support/operations.ts'

const construct = (rules: unknown, options?: unknown) => (): unknown =>
  operationScopes(rules as OperationRules, options as never)

test.each([
  [{ 'tool/call': { a: ['x'] } }, /^`operations\.tool\/call` .*did you mean "tools\/call"/],
  [{ 'tools/cal': ['x'] }, /did you mean "tools\/call"/],
  [{ 'Tools/Call': ['x'] }, /did you mean "tools\/call"/],
  [{ 'resource/read': ['x'] }, /did you mean "resources\/read"/],
  [{ 'tool/*': ['x'] }, /did you mean "tools\/\*"/],
  [{ write_note: ['x'] }, /^`operations\.write_note` .*{ 'tools\/call': { "write_note": … } }/],
  [{ write_note: { a: ['x'] } }, /^`operations\.write_note` /],
  [{ 'acme/search': ['x'] }, /customMethods/],
  [{ 'tools/list': { a: ['x'] } }, /^`operations\.tools\/list` must be scopes .* have no names/],
  [{ 'tools/call': { a: { b: ['x'] } } }, /^`operations\.tools\/call\.a` must be a list/],
  [{ 'tools/call': 'notes:read' }, /^`operations\.tools\/call` must be scopes/],
  [{ constructor: ['x'] }, /^`operations\.constructor` /],
])('U1 the table %j is refused, with what to do', (rules, message) => {
  expect(construct(rules)).toThrow(message)
})

test.each([
  [{ default: 'Deny' }, /^`default` must be/],
  [{ default: true }, /^`default` must be/],
  [{ customMethods: 'acme/search' }, /^`customMethods` must be/],
  [{ customMethods: ['Tools/call'] }, /^`customMethods` must be .*spelling/],
  [{ defaults: 'deny' }, /did you mean "default"/],
])('U1 the options %j are refused', (options, message) => {
  expect(construct({}, options)).toThrow(message)
})

test('U1 the compiler knows the methods', () => {
  // @ts-expect-error there is no such method
  expect(() => operationScopes({ 'tool/call': { a: ['x'] } })).toThrow('tools/call')
  // @ts-expect-error names stand below their method
  expect(() => operationScopes({ write_note: ['x'] })).toThrow('tools/call')
  // @ts-expect-error lists have no names
  expect(() => operationScopes({ 'tools/list': { a: ['x'] } })).toThrow('no names')
  // @ts-expect-error not among the custom methods
  expect(() => operationScopes({ 'acme/other': ['x'] }, { customMethods: ['acme/search'] })).toThrow(
    'acme/other',
  )
  expect(operationScopes({ 'acme/search': ['x'] }, { customMethods: ['acme/search'] })).toBeDefined()
})

test('U1 a custom method is judged by its rule', async () => {
  const options = { customMethods: ['acme/search'] } as const
  const rules: OperationRules<'acme/search'> = { 'acme/search': ['search'] }
  const { it, send } = await operations({ rules: rules as OperationRules, options: options as never })
  const search = { jsonrpc: '2.0', id: 1, method: 'acme/search' }
  expect(answer(await send(search)).scope).toBe('search')
  expect(it.calls).toBe(0)
})

test.each([
  'file:///private/../public/*/..',
  'file:///a b',
  'file:///a\\b',
  'file://server/share/*',
  'file:///a?b',
  'https://example.com/a#b',
  'https://user@example.com/*',
  'note://x/a%2Fb',
  'note://x/%zz',
  'note:a/../b',
  'note://x//y',
  'file:///{path}',
  'notes',
  'private/*',
  '/private/*',
  '*/../private/*',
  '',
])('S1 the pattern %j could never match a URI, and is refused', (pattern) => {
  for (const method of ['resources/read', 'resources/subscribe', 'resources/*'])
    expect(construct({ [method]: { [pattern]: ['x'] } })).toThrow(
      `\`operations.${method}.${pattern}\` can never match`,
    )
})

test.each([' a', 'a ', 'a\n', '', 'a\u0000b'])('S1 the name %j could never match, and is refused', (name) => {
  for (const method of ['tools/call', 'prompts/get', 'completion/complete', '*'])
    expect(construct({ [method]: { [name]: ['x'] } })).toThrow('can never match')
})

test.each([
  ['FILE:///private/*', 'file:///private/a'],
  ['file:/private/*', 'file:///private/a'],
  ['file://localhost/private/*', 'file:///private/a'],
  ['file:///public/../private/*', 'file:///private/a'],
  ['file:///%70rivate/*', 'file:///private/a'],
  ['HTTPS://Example.COM:443/a*', 'https://example.com/abc'],
  ['https://example.com', 'https://example.com/'],
  ['note://x/caf%c3%a9', 'note://x/caf%C3%A9'],
  ['note://x/café', 'note://x/caf%C3%A9'],
  ['*', 'note://x/y'],
  ['*/private/*', 'note://x/private/y'],
  ['*.txt', 'file:///a.txt'],
  ['note*', 'notes://x'],
  ['note://*/secret', 'note://x/secret'],
  ['https://*.example.com/*', 'https://a.example.com/b'],
])('S1 the pattern %s is taken in its normal form', async (pattern, uri) => {
  const { send } = await operations({ rules: { 'resources/read': { [pattern]: ['files:read'] } } })
  const read = { jsonrpc: '2.0', id: 1, method: 'resources/read', params: { uri } }
  expect(answer(await send(read)).scope).toBe('files:read')
})

test('S1 of two patterns that are equally specific both count', async () => {
  const { send } = await operations({ rules: { 'tools/call': { 'a*': ['x'], '*b': ['y'] } } })
  expect(answer(await send(call('ab'))).scope).toBe('x y')
})

const table: OperationRules = {
  'tools/call': { read_note: [], 'write_*': ['notes:read'] },
  'resources/read': { 'file:///public/*': [] },
}
const asked = (method: string, params: object = {}): Record<string, unknown> => ({
  jsonrpc: '2.0',
  id: 7,
  method,
  params,
})

test('S1 with default deny what no rule names is refused', async () => {
  const { it, send } = await operations({
    rules: table,
    options: { default: 'deny' },
    scope: 'notes:read notes:admin',
  })
  for (const each of [
    call('delete_note', {}, 7),
    call('Read_Note', {}, 7),
    asked('resources/read', { uri: 'file:///private/a' }),
    asked('resources/read', { uri: 'file:///PUBLIC/a' }),
    asked('resources/subscribe', { uri: 'file:///public/a' }),
    asked('prompts/get', { name: 'p' }),
    asked('completion/complete', { ref: { type: 'ref/prompt', name: 'p' } }),
    asked('subscriptions/listen', { notifications: { resourceSubscriptions: ['file:///public/a'] } }),
    asked('acme/search'),
    asked('notifications/acme'),
    // They hand out what tools made.
    ...['get', 'list', 'result', 'update', 'cancel'].map((task) => asked(`tasks/${task}`, { taskId: 't' })),
    [call('read_note', {}, 7), call('delete_note', {}, 8)],
  ]) {
    const response = await send(each)
    expect([each, response.status]).toEqual([each, 403])
    expect(await response.json()).toEqual({
      jsonrpc: '2.0',
      id: 7,
      error: { code: -32601, message: 'No rule allows this operation' },
    })
  }
  expect(it.calls).toBe(0)
  for (const each of [
    call('read_note'),
    call('write_note'),
    asked('resources/read', { uri: 'file:///public/a' }),
    ...['initialize', 'ping', 'server/discover', 'tools/list', 'resources/templates/list'].map((method) =>
      asked(method),
    ),
    { jsonrpc: '2.0', method: 'notifications/initialized' },
    { jsonrpc: '2.0', id: 1, result: {} },
  ])
    expect([each, (await send(each)).status]).toEqual([each, 200])
})

test('S1 with default deny a rule opens tasks', async () => {
  const { send } = await operations({
    rules: { 'tasks/*': [], 'tasks/cancel': ['tasks:cancel'] },
    options: { default: 'deny' },
  })
  expect((await send(asked('tasks/result', { taskId: 't' }))).status).toBe(200)
  expect(answer(await send(asked('tasks/cancel', { taskId: 't' }))).scope).toBe('tasks:cancel')
})

test('S1 a rule that rejects refuses the batch, without an unhandled rejection', async () => {
  const missing = async (): Promise<string[]> => {
    await Promise.resolve()
    throw new InsufficientScopeError(['notes:write'])
  }
  const { it, send } = await operations({
    rules: {
      'tools/call': {
        missing,
        broken: () => {
          throw new InsufficientScopeError(['notes:admin'])
        },
      },
    },
    options: { default: 'deny' },
  })
  // An unhandled rejection ends a Node process; the runner fails then.
  const unnamed = await send([call('missing', {}, 1), call('missing', {}, 2), call('unnamed', {}, 3)])
  expect([unnamed.status, await code(unnamed)]).toEqual([403, -32601])
  expect(await verdict(await send([call('missing', {}, 1), call('broken', {}, 2)]))).toBe('403-scope')
  expect(await verdict(await send([call('broken', {}, 1), call('missing', {}, 2)]))).toBe('403-scope')
  await new Promise((resolve) => setTimeout(resolve))
  expect(it.calls).toBe(0)
})

test('S1 with default deny a rule for all the rest leaves nothing to refuse', async () => {
  const { send } = await operations({
    rules: { ...table, '*': ['notes:admin'] },
    options: { default: 'deny' },
  })
  expect(await verdict(await send(call('delete_note')))).toBe('403-scope')
  expect(await verdict(await send(asked('acme/search')))).toBe('403-scope')
})

test('S1 with default deny lists show what a rule allows', async () => {
  const { send } = await operations({
    rules: table,
    options: { default: 'deny', filterLists: true },
    reply: () =>
      Response.json({ id: 7, result: { tools: [{ name: 'read_note' }, { name: 'delete_note' }] } }),
  })
  expect(await (await send(asked('tools/list'))).json()).toEqual({
    id: 7,
    result: { tools: [{ name: 'read_note' }] },
  })
})

test('S25 batches end with revision 2025-06-18', async () => {
  const { it, send } = await operations({ rules: table })
  const batch = [call('read_note', {}, 1), call('read_note', {}, 2)]
  for (const version of ['2025-06-18', '2025-11-25', '2026-07-28', 'DRAFT-2027']) {
    const response = await send(batch, { 'mcp-protocol-version': version })
    expect([version, response.status, it.calls]).toEqual([version, 400, 0])
  }
  const response = await send(batch, { 'mcp-protocol-version': '2025-06-18' })
  expect(await code(response)).toBe(-32600)
  const early: Record<string, string>[] = [{}, { 'mcp-protocol-version': '2025-03-26' }]
  for (const headers of early) expect((await send(batch, headers)).status).toBe(200)
})

test('S14 the ids of a batch are unique', async () => {
  const { it, send } = await operations({ rules: table })
  const response = await send([asked('tools/list'), asked('ping')])
  expect([response.status, await code(response)]).toEqual([400, -32600])
  expect(it.calls).toBe(0)
  expect((await send([call('read_note', {}, 1), call('read_note', {}, '1')])).status).toBe(200)
  const answers = [
    { jsonrpc: '2.0', id: 1, result: {} },
    { jsonrpc: '2.0', method: 'notifications/initialized' },
    { jsonrpc: '2.0', method: 'notifications/initialized' },
  ]
  expect((await send([...answers, call('read_note', {}, 1)])).status).toBe(200)
})

test('U1 rules that match nothing of what the server has are found', () => {
  const rules = operationScopes({
    'tools/call': { delete_nte: ['x'], 'read_*': ['x'], 'admin_*': ['x'], '*': [] },
    'prompts/get': { greet: [] },
    'resources/read': { 'file:///public/*': [], 'file:///private/*': ['x'] },
  })
  const tools = ['delete_note', 'read_note']
  expect(rules.unmatched({ tools })).toEqual(['tools/call delete_nte', 'tools/call admin_*'])
  expect(rules.unmatched({ tools: [...tools, 'delete_nte', 'admin_x'] })).toEqual([])
  expect(rules.unmatched({ prompts: [], resources: ['file:///public/a'] })).toEqual([
    'prompts/get greet',
    'resources/read file:///private/*',
  ])
  expect(rules.unmatched({})).toEqual([])
})
