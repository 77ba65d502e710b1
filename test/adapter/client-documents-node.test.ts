// Client documents on Node, where a fetch can see what a name resolves to. DNS answers what it is told.
import { beforeEach, expect, test, vi } from 'vitest'
import { nodeFetch } from '../../src/adapter/node-fetch.ts'
import { documentId, documentRequest } from '../support/client-documents.ts'
import { browserOf, expectLocal, pagesRig } from '../support/pages.ts'

const { answers, connections } = vi.hoisted(() => ({
  answers: [] as string[][],
  connections: [] as unknown[],
}))

vi.mock('node:dns/promises', () => ({
  lookup: async () =>
    (answers.shift() ?? []).map((address) => ({ address, family: address.includes(':') ? 6 : 4 })),
}))
vi.mock('node:https', () => ({
  request: (...parameters: unknown[]) => {
    connections.push(parameters)
    throw new Error('connection refused')
  },
}))

beforeEach(() => {
  answers.length = 0
  connections.length = 0
})

const open = async (): ReturnType<ReturnType<typeof browserOf>['get']> => {
  const rig = pagesRig({ clientDocuments: { fetch: nodeFetch } })
  return browserOf(rig, 'alice').get(await documentRequest())
}

test.each([
  ['private A', ['10.0.0.1']],
  ['loopback', ['127.0.0.1']],
  ['metadata service', ['169.254.169.254']],
  ['private AAAA', ['fd00::1']],
  ['IPv4 inside IPv6', ['::ffff:169.254.169.254']],
  ['mixed, public first', ['93.184.216.34', '192.168.1.1']],
  ['mixed families', ['2606:2800:220:1:248:1893:25c8:1946', '10.0.0.1']],
  ['no address', []],
])('CD3 %s: LOCAL, no connection', async (_, addresses) => {
  answers.push(addresses)
  expectLocal(await open())
  expect(connections).toEqual([])
})

test('CD3 rebinding: one question, and the connection goes to the address that was judged', async () => {
  answers.push(['93.184.216.34'], ['127.0.0.1'])
  expectLocal(await open())
  expect(answers).toEqual([['127.0.0.1']])
  expect(connections).toHaveLength(1)
  const text = JSON.stringify(connections)
  expect(text).toContain('93.184.216.34')
  expect(text).not.toContain('127.0.0.1')
  expect(text).toContain(new URL(documentId).host)
})
