import type { Fetch } from '../../src/types.ts'

export interface Sent {
  url: string
  init: RequestInit
}

/** A fetch that records what would have been sent; each URL has its answer, everything else is 404. */
export function outside(answers: Record<string, () => Response | Promise<Response>> = {}): {
  fetch: Fetch
  sent: Sent[]
} {
  const sent: Sent[] = []
  const fetch: Fetch = async (input, init = {}) => {
    const url = String(input)
    sent.push({ url, init })
    return (await answers[url]?.()) ?? new Response('not here', { status: 404 })
  }
  return { fetch, sent }
}
