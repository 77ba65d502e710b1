import { expect, test } from 'vitest'

test('the suite runs on the runtime that it says', () => {
  const global = globalThis as Record<string, unknown>
  const navigator = global['navigator'] as { userAgent?: string } | undefined
  const agent = navigator?.userAgent ?? 'Node.js/20'
  expect(agent).toMatch(/^(Node\.js|Bun|Deno|Cloudflare-Workers)/)
  if (agent.startsWith('Bun')) expect('Bun' in global).toBe(true)
  if (agent.startsWith('Deno')) expect('Deno' in global).toBe(true)
})
