// The answer of a tool that needs a linked account, as the official SDK's clients, v1 and v2, understand it.
import {
  Client as ClientV2,
  StreamableHTTPClientTransport as TransportV2,
} from '@modelcontextprotocol/client'
import { Client as ClientV1 } from '@modelcontextprotocol/sdk/client/index.js'
import { InMemoryTransport } from '@modelcontextprotocol/sdk/inMemory.js'
import { McpServer as McpServerV1 } from '@modelcontextprotocol/sdk/server/mcp.js'
import { UrlElicitationRequiredError } from '@modelcontextprotocol/sdk/types.js'
import {
  createMcpHandler,
  McpServer,
  ProtocolError,
  UrlElicitationRequiredError as UrlElicitationRequiredV2,
} from '@modelcontextprotocol/server'
import { expect, test } from 'vitest'
import { isAccountNotLinkedError } from '../../src/errors.ts'
import { askToLink, type LinkText } from '../../src/resource-server/elicitation.ts'
import { agree, comeBack, LinksRig, pathOf } from '../support/links.ts'
import { browserOf } from '../support/pages.ts'

const info = { name: 'test', version: '1.0.0' }
const call = { name: 'list_issues', arguments: {} }
const canElicit = { capabilities: { elicitation: { url: {} } } }

/** What alice does with the URL. */
async function connect(rig: LinksRig, url: string): Promise<void> {
  const browser = browserOf(rig, 'alice')
  const shown = await comeBack(browser, await agree(browser, new URL(url)))
  expect([pathOf(new URL(url)), shown.status]).toEqual([expect.stringMatching(/^\/link\/github\?/), 200])
}

/** A v1 server with one tool, and a v1 client. The tool passes on the SDK's class, or not. */
async function v1(rig: LinksRig, options: object, passesClass: boolean): Promise<ClientV1> {
  const auth = await rig.authOf()
  const server = new McpServerV1(info)
  server.registerTool('list_issues', {}, async () => {
    try {
      const { accessToken } = await auth.upstream('github')
      return { content: [{ type: 'text', text: `with the ${accessToken}` }] }
    } catch (thrown) {
      if (!isAccountNotLinkedError(thrown)) throw thrown
      const caller = {
        protocolVersion: '2025-11-25',
        capabilities: server.server.getClientCapabilities(),
      }
      // The return type without the class is one of v2: it does not compile here.
      if (!passesClass) return (await askToLink(auth, thrown.provider, caller)) as LinkText
      return askToLink(auth, thrown.provider, { ...caller, UrlElicitationRequiredError })
    }
  })
  const [one, other] = InMemoryTransport.createLinkedPair()
  const client = new ClientV1(info, options)
  await Promise.all([server.connect(one), client.connect(other)])
  return client
}

test('LK5 SDK v1, 2025-11-25: the error −32042; the user connects the account; the next call has it', async () => {
  const rig = new LinksRig()
  const client = await v1(rig, canElicit, true)
  const error = await client.callTool(call).catch((thrown: unknown) => thrown)
  expect(error).toBeInstanceOf(UrlElicitationRequiredError)
  const [elicitation] = (error as UrlElicitationRequiredError).elicitations
  expect(elicitation).toMatchObject({ mode: 'url', message: 'Connect your github account to go on.' })
  await connect(rig, elicitation!.url)
  expect(await client.callTool(call)).toMatchObject({
    content: [{ type: 'text', text: 'with the github access token of octocat' }],
  })
})

test('LK5 SDK v1: a client without the capability, or a tool without the class, gets the link as text', async () => {
  for (const client of [await v1(new LinksRig(), {}, true), await v1(new LinksRig(), canElicit, false)]) {
    const { content, isError } = await client.callTool(call)
    expect(isError).toBe(true)
    expect(JSON.stringify(content)).toMatch(
      /Open this link, then try again: https:\/\/as\.test\/link\/github\?/,
    )
  }
})

/** A v2 server behind HTTP, and a v2 client that negotiates the newest revision. */
async function v2(rig: LinksRig, options: object): Promise<ClientV2> {
  const auth = await rig.authOf()
  const { fetch } = createMcpHandler(() => {
    const server = new McpServer(info)
    server.registerTool('list_issues', {}, async (context) => {
      try {
        const { accessToken } = await auth.upstream('github')
        return { content: [{ type: 'text' as const, text: `with the ${accessToken}` }] }
      } catch (thrown) {
        if (!isAccountNotLinkedError(thrown)) throw thrown
        const { inputResponses } = context.mcpReq
        // The SDK's type of it has no members.
        const envelope = context.mcpReq.envelope as Record<string, never> | undefined
        return askToLink(auth, thrown.provider, {
          protocolVersion: envelope?.['io.modelcontextprotocol/protocolVersion'],
          capabilities: envelope?.['io.modelcontextprotocol/clientCapabilities'],
          inputResponses,
        })
      }
    })
    return server
  })
  const client = new ClientV2(info, { versionNegotiation: { mode: 'auto' }, ...options })
  const transport = new TransportV2(new URL('https://mcp.test/mcp'), {
    fetch: async (input, init) => fetch(new Request(input as string, init)),
  })
  await client.connect(transport)
  return client
}

test('LK5 SDK v2, 2026-07-28: the client elicits by URL, the user connects the account, and the call goes on', async () => {
  const rig = new LinksRig()
  const client = await v2(rig, canElicit)
  const asked: unknown[] = []
  client.setRequestHandler('elicitation/create', async ({ params }) => {
    asked.push(params)
    await connect(rig, (params as { url: string }).url)
    return { action: 'accept' }
  })
  expect(await client.callTool(call)).toMatchObject({
    content: [{ type: 'text', text: 'with the github access token of octocat' }],
  })
  expect(asked).toEqual([
    { mode: 'url', message: 'Connect your github account to go on.', url: expect.any(String) as string },
  ])
})

test('LK5 SDK v2, 2026-07-28: a user who has not finished is asked once; without the capability there is a text', async () => {
  const client = await v2(new LinksRig(), canElicit)
  let asked = 0
  client.setRequestHandler('elicitation/create', async () => {
    asked++
    return { action: 'accept' }
  })
  const unfinished = await client.callTool(call)
  expect([asked, unfinished.isError]).toEqual([1, true])
  const other = await (await v2(new LinksRig(), {})).callTool(call)
  for (const { content } of [unfinished, other])
    expect(JSON.stringify(content)).toContain('Open this link, then try again: https://as.test/link/github?')
})

test('LK5 SDK v2 takes the error of 2025-11-25 for its own', async () => {
  const auth = await new LinksRig().authOf()
  const error = await askToLink(auth, 'github', { protocolVersion: '2025-11-25', ...canElicit }).catch(
    (thrown: unknown) => thrown,
  )
  expect(error).toBeInstanceOf(ProtocolError)
  expect(error).toBeInstanceOf(UrlElicitationRequiredV2)
})
