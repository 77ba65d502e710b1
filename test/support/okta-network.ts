// `node --import`: for this program, Okta is the imitation at `OKTA_IMITATION`, and the time is the imitation's.
const direct = globalThis.fetch
const { OKTA_IMITATION } = process.env
globalThis.fetch = (input, init) => {
  const request = new Request(input, init)
  const { origin, pathname, search } = new URL(request.url)
  if (origin !== 'https://dev-123.okta.com') throw new TypeError(`no such host: ${origin}`)
  return direct(new Request(new URL(pathname + search, OKTA_IMITATION), request))
}

// The same for every instance.
const systemTime = Date.now
const { IMITATION_STARTED = '' } = process.env
Date.now = () => 1_800_000_000_000 + systemTime() - Number(IMITATION_STARTED)
