// Lists show what the token may use, however they are asked for and however they arrive.
import { expect, test } from 'vitest'
import { operationScopes, type OperationRules } from '../../src/resource-server/operations/operations.ts'
import { resourceA, token, world } from '../support/guard.ts'
import { code, operations } from '../support/operations.ts'

const rules: OperationRules = {
  'tools/call': { delete_note: ['notes:write'] },
  'resources/read': { 'file:///private/*': ['notes:admin'], 'https://example.com/': ['notes:admin'] },
}
const tools = [{ name: 'read_note' }, { name: 'delete_note' }]
const allowed = [{ name: 'read_note' }]
const event = (message: object): string => `id: 1\ndata: ${JSON.stringify(message)}\n\n`
const eventsOf = (text: string): unknown[] =>
  [...text.matchAll(/^data: (.*)$/gm)].map(([, data]) => JSON.parse(data!))

test('S14 a stream that is resumed by GET is filtered: its list was asked for earlier', async () => {
  const both: Record<string, string>[] = [{ 'last-event-id': '0' }, {}]
  for (const headers of both) {
    const it = await world({
      need: { operations: operationScopes(rules, { filterLists: true }) },
      answer: () =>
        new Response(
          event({ id: 5, result: { tools } }) + event({ method: 'notifications/message', params: {} }),
          {
            headers: { 'content-type': 'text/event-stream' },
          },
        ),
    })
    const authorization = `Bearer ${await token()}`
    const response = await it.call(new Request(resourceA, { headers: { authorization, ...headers } }))
    expect(eventsOf(await response.text())).toEqual([
      { id: 5, result: { tools: allowed } },
      { method: 'notifications/message', params: {} },
    ])
  }
})

test('S14 a batch in which an id stands twice never reaches the handler, so no list goes by the filter', async () => {
  const { it, send } = await operations({
    rules,
    options: { filterLists: true },
    reply: () => Response.json([{ id: 1, result: { tools } }]),
  })
  const list = { jsonrpc: '2.0', id: 1, method: 'tools/list' }
  expect(await code(await send([list, { ...list, method: 'ping' }]))).toBe(-32600)
  expect(it.calls).toBe(0)
})

test('S14 a list is filtered whatever id its answer carries', async () => {
  const { send } = await operations({
    rules,
    options: { filterLists: true },
    reply: () => Response.json({ id: '1', result: { tools } }),
  })
  const response = await send({ jsonrpc: '2.0', id: 1, method: 'tools/list' })
  expect(await response.json()).toEqual({ id: '1', result: { tools: allowed } })
})

test('S14 lists of resources and of resource templates are judged by what they lead to', async () => {
  const uris = [
    'file:///private/a',
    'file:///PRIVATE/a',
    'FILE:///private/b',
    'https://example.com',
    'file:///public/a',
  ]
  const templates = [
    'file:///private/{name}',
    'file:///PRIVATE/{+name}',
    'file:///public/{name}',
    'file:///{+path}',
  ]
  const { send } = await operations({
    rules,
    options: { filterLists: true },
    reply: () =>
      Response.json([
        { id: 1, result: { resources: uris.map((uri) => ({ uri })) } },
        {
          id: 2,
          result: {
            resourceTemplates: templates.map((uriTemplate) => ({ uriTemplate })),
            cacheScope: 'public',
          },
        },
      ]),
  })
  const list = (method: string, id: number): object => ({ jsonrpc: '2.0', id, method })
  const response = await send([list('resources/list', 1), list('resources/templates/list', 2)])
  expect(await response.json()).toEqual([
    { id: 1, result: { resources: [{ uri: 'file:///public/a' }] } },
    {
      id: 2,
      result: {
        resourceTemplates: [{ uriTemplate: 'file:///public/{name}' }, { uriTemplate: 'file:///{+path}' }],
        cacheScope: 'private',
      },
    },
  ])
})

test.each(['\n\n', '\r\n\r\n', '\r\r', '\n\r\n', '\r\n\n', '\n\r'])(
  'S14 events that end with %j are told apart',
  async (end) => {
    const data = `data: ${JSON.stringify({ id: 1, result: { tools } })}`
    const { send } = await operations({
      rules,
      options: { filterLists: true },
      reply: () =>
        new Response(`${data}${end}${data}${end}`, { headers: { 'content-type': 'text/event-stream' } }),
    })
    const text = await (await send({ jsonrpc: '2.0', id: 1, method: 'tools/list' })).text()
    expect(text.match(/delete_note/g)).toBeNull()
    expect(text.match(/read_note/g)).toHaveLength(2)
  },
)

test('an answer in which there is no list keeps its text', async () => {
  const text = '{"id":1, "result":{"n":1.0,"big":12345678901234567890}}'
  const { send } = await operations({
    rules,
    options: { filterLists: true },
    reply: () => new Response(text, { headers: { 'content-type': 'application/json' } }),
  })
  expect(await (await send({ jsonrpc: '2.0', id: 1, method: 'tools/list' })).text()).toBe(text)
})

test.each([
  ['GET', { 'content-length': '90' }],
  ['HEAD', { 'content-length': '90' }],
  ['GET', { 'transfer-encoding': 'chunked' }],
])('S8 a body on %s is 400: the rules cannot see it, and a framework may', async (method, headers) => {
  const it = await world({ need: { operations: operationScopes(rules) } })
  const authorization = `Bearer ${await token()}`
  const request = new Request(resourceA, { method, headers: { authorization, ...(headers as object) } })
  expect((await it.call(request)).status).toBe(400)
  expect(it.calls).toBe(0)
})

test('S8 a GET that says that its body is empty passes', async () => {
  const it = await world({ need: { operations: operationScopes(rules) } })
  const headers = { authorization: `Bearer ${await token()}`, 'content-length': '0' }
  expect((await it.call(new Request(resourceA, { headers }))).status).toBe(200)
})
