import { expect, test } from 'vitest'
import { operationScopes, type OperationRules } from '../../src/resource-server/operations/operations.ts'
import { answer, post, resourceA, token, verdict, world } from '../support/guard.ts'
import { call, code, modern, modernHeaders, operations as guarded } from '../support/operations.ts'

const rules: OperationRules = {
  'tools/call': {
    delete_note: ['notes:write'],
    'read_*': ['notes:read'],
    danger: ['notes:admin', 'files:write'],
  },
  'resources/read': { 'file:///secret/*': ['notes:admin'], '*': ['notes:read'] },
  'prompts/get': ['notes:read'],
}

/** A guard with these rules, unless others are given. */
const operations = (setup: Partial<Parameters<typeof guarded>[0]> = {}): ReturnType<typeof guarded> =>
  guarded({ rules, ...setup })

test('G27 scopes are compared whole, and the hierarchy counts', async () => {
  for (const scope of ['notes:write2', 'NOTES:WRITE', 'x,notes:write', 'notes:write\t', undefined]) {
    const { it, send } = await operations({ scope: scope ?? '' })
    expect([scope, await verdict(await send(call('delete_note')))]).toEqual([scope, '403-scope'])
    expect(it.calls).toBe(0)
  }
  const implies = { admin: ['notes:write'], 'notes:write': ['notes:read'] }
  const admin = await operations({ scope: 'admin', implies })
  expect((await admin.send(call('read_note'))).status).toBe(200)
  expect((await admin.send(call('delete_note'))).status).toBe(200)
  const reader = await operations({ scope: 'notes:read', implies })
  expect(await verdict(await reader.send(call('delete_note')))).toBe('403-scope')
})

test('G27 scopes as an array in scp', async () => {
  const it = await world({ need: { operations: operationScopes(rules) } })
  const text = await token({ scope: undefined, scp: ['notes:write'] })
  const response = await it.call(new Request(post(text), { body: JSON.stringify(call('delete_note')) }))
  expect(response.status).toBe(200)
})

test('G28 one challenge names exactly what the operation needs', async () => {
  const { it, send } = await operations({ scope: 'notes:read profile' })
  const response = await send(call('danger'))
  expect(await verdict(response)).toBe('403-scope')
  expect(answer(response).scope).toBe('notes:admin files:write')
  expect(it.calls).toBe(0)
  const base = await world({
    options: { requiredScopes: ['mcp'] },
    need: { scopes: ['notes:read'], operations: operationScopes(rules) },
  })
  const text = await token({ scope: 'mcp notes:read' })
  const both = await base.call(new Request(post(text), { body: JSON.stringify(call('danger')) }))
  expect(answer(both).scope).toBe('mcp notes:read notes:admin files:write')
})

test('G29 headers and body must say the same: 400 and -32020, and the handler is not called', async () => {
  const { it, send } = await operations()
  const body = modern('tools/call', { name: 'danger' })
  const wrong: Record<string, string>[] = [
    modernHeaders('tools/call', 'safe'),
    modernHeaders('tools/call'),
    { 'mcp-protocol-version': '2026-07-28', 'mcp-name': 'danger' },
    modernHeaders('tools/list', 'danger'),
    { ...modernHeaders('tools/call', 'danger'), 'mcp-protocol-version': '2025-11-25' },
    { 'mcp-method': 'tools/call', 'mcp-name': 'danger' },
    modernHeaders('tools/call', '=?base64?!!!?='),
    {},
  ]
  for (const headers of wrong) {
    const response = await send(body, headers)
    expect([headers, response.status, await code(response)]).toEqual([headers, 400, -32020])
  }
  const uri = modern('resources/read', { uri: 'file:///secret/x' })
  expect(await code(await send(uri, modernHeaders('resources/read', 'file:///public/x')))).toBe(-32020)
  expect(it.calls).toBe(0)
})

test('G29 before 2026-07-28 the body decides; a header that lies is refused there too', async () => {
  const { it, send } = await operations()
  expect(await verdict(await send(call('danger')))).toBe('403-scope')
  expect(await verdict(await send(call('danger'), { 'mcp-protocol-version': '2025-06-18' }))).toBe(
    '403-scope',
  )
  expect(await code(await send(call('danger'), { 'mcp-name': 'read_note' }))).toBe(-32020)
  expect(await code(await send(call('danger'), { 'mcp-method': 'ping' }))).toBe(-32020)
  expect(it.calls).toBe(0)
  expect((await send(call('read_note'))).status).toBe(200)
})

test('G29 a name that no header can hold comes in base64', async () => {
  const { send } = await operations({ rules: { 'tools/call': { notiz_löschen: ['notes:write'] } } })
  const sentinel = `=?base64?${btoa(String.fromCharCode(...new TextEncoder().encode('notiz_löschen')))}?=`
  const request = [
    modern('tools/call', { name: 'notiz_löschen' }),
    modernHeaders('tools/call', sentinel),
  ] as const
  expect(await verdict(await send(...request))).toBe('403-scope')
  const granted = await operations({ rules: { 'tools/call': { notiz_löschen: ['notes:read'] } } })
  expect((await granted.send(...request)).status).toBe(200)
})

test('2026-07-28 notifications need no headers, and methods without a name none for it', async () => {
  const { send } = await operations()
  const { id: _, ...notification } = modern('notifications/cancelled', { requestId: 1 })
  expect((await send(notification, { 'mcp-protocol-version': '2026-07-28' })).status).toBe(200)
  expect((await send(modern('tools/list', {}), modernHeaders('tools/list'))).status).toBe(200)
})

test('the handler gets the very object that was judged, and the same bytes', async () => {
  const texts: string[] = []
  const bodies: unknown[] = []
  const { send } = await operations({
    reply: async (request) => {
      bodies.push(await request.json(), await request.json())
      texts.push(await request.text())
      return new Response('done')
    },
  })
  const text = ' {"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"read_note","n":1.0}} '
  expect((await send(text)).status).toBe(200)
  expect(bodies[0]).toBe(bodies[1])
  expect(bodies[0]).toEqual(JSON.parse(text))
  expect(texts).toEqual([text])
})

test('rule 25 what another parser could read differently is refused', async () => {
  const { it, send } = await operations()
  const twice = '{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"danger","name":"read_note"}}'
  const escaped = twice.replace('"name":"read_note"', '"n\\u0061me":"read_note"')
  const method =
    '{"jsonrpc":"2.0","id":1,"method":"ping","method":"tools/call","params":{"name":"read_note"}}'
  for (const body of [twice, escaped, method]) {
    const response = await send(body)
    expect([body, response.status, await code(response)]).toEqual([body, 400, -32600])
  }
  for (const name of [['danger'], { a: 1 }, 5, true, null])
    expect([name, await code(await send(call(name)))]).toEqual([name, -32602])
  expect(it.calls).toBe(0)
  expect(
    (await send('{"jsonrpc":"2.0","id":1,"method":"ping","params":{"a":":","b":"\\":","__proto__":{}}}'))
      .status,
  ).toBe(200)
})

test('a body that is not JSON-RPC is refused, and nothing is called', async () => {
  const { it, send } = await operations()
  for (const [body, expected] of [
    ['', -32700],
    ['no json', -32700],
    ['[]', -32600],
    ['1', -32600],
    ['null', -32600],
    ['[1]', -32600],
    ['"tools/call"', -32600],
    ['{"method":["tools/call"],"params":{"name":"delete_note"}}', -32600],
    ['{"method":null,"params":{"name":"delete_note"}}', -32600],
  ] as const)
    expect([body, await code(await send(body))]).toEqual([body, expected])
  expect(it.calls).toBe(0)
})

test('bodies are bounded: 4 MB unless told', async () => {
  const { it, send } = await operations({ options: { maxBytes: 1024 } })
  expect((await send(call('read_note', { text: 'x'.repeat(2000) }))).status).toBe(413)
  expect(it.calls).toBe(0)
  const large = await operations()
  expect((await large.send(call('read_note', { text: 'x'.repeat(4_000_000) }))).status).toBe(200)
  expect((await large.send(call('read_note', { text: 'x'.repeat(4_194_304) }))).status).toBe(413)
})

test('a body that is nested deeper than a call stack is judged like any other', async () => {
  const { send } = await operations()
  const deep = `{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"danger","a":${'['.repeat(2000)}${']'.repeat(2000)}}}`
  expect(await verdict(await send(deep))).toBe('403-scope')
})

test('2025-03-26 a batch needs the union of what its messages need', async () => {
  const { it, seen, send } = await operations({ scope: 'notes:read' })
  const response = await send([call('read_note', {}, 1), call('delete_note', {}, 2), call('danger', {}, 3)])
  expect([await verdict(response), answer(response).scope]).toEqual([
    '403-scope',
    'notes:read notes:write notes:admin files:write',
  ])
  expect(it.calls).toBe(0)
  const batch = [
    call('read_note'),
    { jsonrpc: '2.0', method: 'notifications/initialized' },
    { jsonrpc: '2.0', id: 3, result: {} },
  ]
  expect((await send(batch)).status).toBe(200)
  expect(seen).toEqual([batch])
  expect(
    await code(
      await send([modern('tools/call', { name: 'read_note' })], modernHeaders('tools/call', 'read_note')),
    ),
  ).toBe(-32020)
})

test('the most specific rule decides; what nothing names needs nothing, unless * says so', async () => {
  const layered: OperationRules = {
    'tools/call': { 'note_*': ['a'], 'note_*_forever': ['b'], note_delete_forever: ['c'], 'x*y*z': ['d'] },
    'resources/*': ['e'],
    'resources/read': ['f'],
    '*': ['g'],
  }
  const { send } = await operations({ rules: layered, scope: '' })
  const needs = async (body: unknown): Promise<string | undefined> => answer(await send(body)).scope
  const read = (method: string): object => ({ jsonrpc: '2.0', id: 1, method, params: { uri: 'a://b' } })
  expect(await needs(call('note_x'))).toBe('a')
  expect(await needs(call('note_x_forever'))).toBe('b')
  expect(await needs(call('note_delete_forever'))).toBe('c')
  expect(await needs(call('xyz'))).toBe('d')
  expect(await needs(call('xayybz'))).toBe('d')
  expect(await needs(call('other'))).toBe('g')
  expect(await needs(read('resources/read'))).toBe('f')
  expect(await needs(read('resources/subscribe'))).toBe('e')
  expect(await needs(read('ping'))).toBe('g')
  const open = await operations({ rules, scope: '' })
  expect((await open.send(call('unlisted'))).status).toBe(200)
  for (const name of ['constructor', '__proto__', 'toString'])
    expect([name, (await open.send(call(name))).status]).toEqual([name, 200])
  expect(
    await verdict(await open.send({ ...read('resources/read'), params: { uri: 'file:///secret/x' } })),
  ).toBe('403-scope')
})

test('a function judges arguments, and refuses by throwing', async () => {
  const { it, send } = await operations({
    rules: {
      'tools/call': {
        share: ({ name, method, params }, auth) => {
          const { to } = params['arguments'] as { to: string }
          if (to === 'crash') throw new Error('rule failed')
          return to === 'world' ? [`${method}:${name}`, String(auth?.subject)] : []
        },
        later: async () => ['later'],
      },
    },
  })
  expect((await send(call('share', { to: 'me' }))).status).toBe(200)
  expect(answer(await send(call('share', { to: 'world' }))).scope).toBe('tools/call:share alice')
  expect(answer(await send(call('later'))).scope).toBe('later')
  expect((await send(call('share', { to: 'crash' }))).status).toBe(500)
  expect(it.calls).toBe(1)
})

test.each(['PUT', 'PATCH', 'DELETE', 'QUERY'])(
  'G31 a message that comes with %s is judged like any other: not every handler looks at the method',
  async (method) => {
    const it = await world({ need: { operations: operationScopes(rules) } })
    const headers = { authorization: `Bearer ${await token()}` }
    const send = (name: string): Promise<Response> =>
      it.call(new Request(resourceA, { method, headers, body: JSON.stringify(call(name)) }))
    expect(await verdict(await send('delete_note'))).toBe('403-scope')
    expect(it.calls).toBe(0)
    expect((await send('read_note')).status).toBe(200)
  },
)

test('a stream and the end of a session are no operations', async () => {
  const it = await world({ need: { operations: operationScopes({ '*': ['notes:admin'] }) } })
  const authorization = `Bearer ${await token()}`
  for (const method of ['GET', 'DELETE'])
    expect((await it.call(new Request(resourceA, { method, headers: { authorization } }))).status).toBe(200)
  // Some hosts give a request of length 0 a body.
  const empty = { method: 'DELETE', headers: { authorization, 'mcp-method': 'x' }, body: '' }
  expect((await it.call(new Request(resourceA, empty))).status).toBe(200)
})

const tools = {
  tools: [{ name: 'read_note' }, { name: 'delete_note' }, { name: 'shared' }, { name: 'unlisted' }],
}
const filtering: OperationRules = {
  'tools/call': { delete_note: ['notes:write'], read_note: ['notes:read'], shared: () => ['x'] },
  'resources/read': { 'file:///secret/*': ['notes:admin'] },
  'prompts/get': { secret: ['notes:admin'] },
}

test('tool lists show what the token may call: JSON', async () => {
  const list = { jsonrpc: '2.0', id: 'l', method: 'tools/list' }
  const { send } = await operations({
    rules: filtering,
    options: { filterLists: true },
    reply: () =>
      Response.json(
        { jsonrpc: '2.0', id: 'l', result: { ...tools, cacheScope: 'public', ttlMs: 5 } },
        { headers: { etag: '"x"', 'x-own': '1' } },
      ),
  })
  const response = await send(list)
  expect(await response.json()).toEqual({
    jsonrpc: '2.0',
    id: 'l',
    result: {
      tools: [{ name: 'read_note' }, { name: 'shared' }, { name: 'unlisted' }],
      cacheScope: 'private',
      ttlMs: 5,
    },
  })
  expect([response.headers.get('etag'), response.headers.get('x-own')]).toEqual([null, '1'])
  const off = await operations({ rules: filtering, reply: () => Response.json({ id: 'l', result: tools }) })
  expect(await (await off.send(list)).json()).toEqual({ id: 'l', result: tools })
})

test('tool lists show what the token may call: event streams, in pieces of any size', async () => {
  const event = (id: unknown, result: object): string =>
    `event: message\r\nid: 5\r\ndata: ${JSON.stringify({ jsonrpc: '2.0', id, result })}\r\n\r\n`
  const other = `: ping\n\ndata: not json\n\n`
  const text = other + event(9, tools) + event(1, tools)
  const bytes = new TextEncoder().encode(text)
  const { send } = await operations({
    rules: filtering,
    options: { filterLists: true },
    reply: () => {
      let at = 0
      const body = new ReadableStream<Uint8Array>({
        pull(controller) {
          if (at >= bytes.length) return controller.close()
          controller.enqueue(bytes.slice(at, (at += 7)))
        },
      })
      return new Response(body, { headers: { 'content-type': 'text/event-stream' } })
    },
  })
  const out = await (await send({ jsonrpc: '2.0', id: 1, method: 'tools/list' })).text()
  const allowed = { tools: tools.tools.filter(({ name }) => name !== 'delete_note') }
  const edited = `event: message\nid: 5\ndata: ${JSON.stringify({ jsonrpc: '2.0', id: 1, result: allowed })}\r\n\r\n`
  expect(out.startsWith(other)).toBe(true)
  const all = other + edited.replace('"id":1', '"id":9') + edited
  expect(out.replaceAll('\r', '')).toBe(all.replaceAll('\r', ''))
})

test('lists of prompts and resources, in a batch', async () => {
  const { send } = await operations({
    rules: filtering,
    options: { filterLists: true },
    reply: () =>
      Response.json([
        { id: 1, result: { prompts: [{ name: 'secret' }, { name: 'open' }] } },
        { id: 2, result: { resources: [{ uri: 'file:///secret/a' }, { uri: 'file:///b' }] } },
        { id: 3, error: { code: -1 } },
      ]),
  })
  const list = (method: string, id: number): object => ({ jsonrpc: '2.0', id, method })
  const response = await send([list('prompts/list', 1), list('resources/list', 2), list('tools/list', 3)])
  expect(await response.json()).toEqual([
    { id: 1, result: { prompts: [{ name: 'open' }] } },
    { id: 2, result: { resources: [{ uri: 'file:///b' }] } },
    { id: 3, error: { code: -1 } },
  ])
})

test('public and protected tools side by side: an anonymous request may call what needs no scope', async () => {
  const it = await world()
  let calls = 0
  const optional = it.rs.optional(
    (_request, auth) => {
      calls++
      return new Response(auth?.subject ?? 'anonymous')
    },
    { operations: operationScopes(rules) },
  )
  const send = (body: unknown, text?: string): Promise<Response> =>
    optional(new Request(post(text), { body: JSON.stringify(body) }))
  expect(await (await send(call('unlisted'))).text()).toBe('anonymous')
  const refused = await send(call('delete_note'))
  expect([await verdict(refused), answer(refused).scope]).toEqual(['401-none', 'notes:write'])
  expect(await verdict(await send(call('unlisted'), 'bad'))).toBe('401-tok')
  expect(await verdict(await send(call('delete_note'), await token()))).toBe('403-scope')
  expect(await (await send(call('read_note'), await token())).text()).toBe('alice')
  expect(calls).toBe(2)
})

test.each([
  ['no object', [] as never, {}, /^`operations` must be/],
  ['a number', { 'tools/call': 5 as never }, {}, /^`operations\.tools\/call` must be/],
  [
    'no scope',
    { 'tools/call': { a: ['b c'] } },
    {},
    /^`operations\.tools\/call\.a\[0\]` must be one scope .*"b c"/,
  ],
  ['a nested object', { 'tools/*': { b: { c: ['d'] } } } as never, {}, /^`operations\.tools\/\*\.b` must be/],
  [
    'offline_access',
    { ping: ['offline_access'] },
    {},
    /^`operations\.ping\[0\]` must be .*offline_access is for/,
  ],
  ['an unknown option', {}, { filter: true } as never, /filter` is not an option/],
  ['a wrong size', {}, { maxBytes: 1 }, /^`maxBytes` must be/],
  ['a wrong switch', {}, { filterLists: 1 as never }, /^`filterLists` must be/],
])('a wrong rule or option throws: %s', (_, wrong, options, message) => {
  expect(() => operationScopes(wrong, options)).toThrow(message)
})
