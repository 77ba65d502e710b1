// Programs as a page of the guide shows them, and a user who connects to them.
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { Client, StreamableHTTPClientTransport, UnauthorizedError } from '@modelcontextprotocol/client'
import { expect } from 'vitest'
import { sdkSession } from '../../scripts/sdk-session.ts'

const root = join(import.meta.dirname, '../..')

/**
 * Writes the files of one section of a page: a line with their names, then a block with their content. The
 * folder lies inside the package, so that `tollgate/…` resolves through its own `exports`.
 */
export function writePrograms(page: string, section: string, folder: string): Map<string, string> {
  const text = readFileSync(join(root, page), 'utf8')
  const own = text.split(/^## /m).find((each) => each.startsWith(`${section}\n`))!
  const files = new Map<string, string>()
  for (const [, line, code] of own.matchAll(/^(`[^\n]+)\n\n```(?:typescript|toml)\n([\s\S]*?)^```$/gm))
    for (const [, name] of line!.matchAll(/`([^`\s]+\.(?:ts|toml))`/g)) files.set(name!, code!)
  expect(files.size, section).toBeGreaterThan(0)
  rmSync(join(root, folder), { recursive: true, force: true })
  for (const [name, code] of files) {
    const path = join(root, folder, name)
    mkdirSync(dirname(path), { recursive: true })
    writeFileSync(path, code)
  }
  return files
}

/** The official SDK's client signs in as `ada`, and calls `who_am_i`. */
export async function connectAndCall(url: URL): Promise<unknown> {
  const session = sdkSession('A client', undefined, 'ada')
  const transport = (): StreamableHTTPClientTransport =>
    new StreamableHTTPClientTransport(url, { authProvider: session.provider })
  const first = transport()
  await expect(new Client({ name: 'test', version: '1.0.0' }).connect(first)).rejects.toThrow(
    UnauthorizedError,
  )
  await first.finishAuth(await session.signIn())
  const client = new Client({ name: 'test', version: '1.0.0' })
  await client.connect(transport())
  const { content } = await client.callTool({ name: 'who_am_i', arguments: {} })
  await client.close()
  return content
}

export const ada = [{ type: 'text', text: 'You are ada.' }]
