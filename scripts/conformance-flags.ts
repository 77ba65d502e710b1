import { parseArgs } from 'node:util'

export interface Flags {
  port: number
  store: 'memory' | 'sqlite' | 'redis' | 'postgres'
  storeUrl: string | undefined
  issuer: string | undefined
  /** The first one seals; the others open what was made with them. */
  deploymentSecret: readonly string[] | undefined
  /** Of the confidential client, and of the resource server at an introspection endpoint. */
  secret: string
  tokens: 'jwt' | 'opaque'
  checkRevocation: number | false
  defaultResource: string | undefined
  /** Without them there is no access to anything. */
  requiredScopes: readonly string[]
  external: string | undefined
  introspection: string | undefined
  introspectionClient: string | undefined
  outbound: string | undefined
  testControls: boolean
}

/** Ends the process with the reason. */
export function refuse({ message }: Error): never {
  console.error(`${message}\nSee docs/reference/conformance-server.md`)
  process.exit(2)
}

/** Ends the process with a message where a flag is unknown or wrong. */
export function readFlags(args: string[]): Flags {
  try {
    return parseFlags(args)
  } catch (error) {
    return refuse(error as Error)
  }
}

/** Throws where a flag is unknown or wrong. */
export function parseFlags(args: string[]): Flags {
  const text = { type: 'string' } as const
  const { values } = parseArgs({
    args,
    options: {
      port: { type: 'string', default: '4000' },
      store: { type: 'string', default: 'memory' },
      'store-url': text,
      issuer: text,
      'deployment-secret': { type: 'string', multiple: true },
      secret: { type: 'string', default: 'conformance-secret-for-loopback-only' },
      tokens: { type: 'string', default: 'jwt' },
      'check-revocation': { type: 'string', default: '0' },
      'no-check-revocation': { type: 'boolean', default: false },
      'default-resource': text,
      'required-scopes': { type: 'string', default: 'notes:read' },
      external: text,
      introspection: text,
      'introspection-client': text,
      outbound: text,
      'test-controls': { type: 'boolean', default: false },
    },
  })
  const store = oneOf('store', values.store, ['memory', 'sqlite', 'redis', 'postgres'])
  if (store !== 'memory' && values['store-url'] === undefined)
    throw new Error(`--store ${store} needs --store-url`)
  if (values.introspection !== undefined && values.external === undefined)
    throw new Error('--introspection goes with --external')
  return {
    port: number('port', values.port, 65_535),
    store,
    storeUrl: values['store-url'],
    issuer: values.issuer,
    deploymentSecret: values['deployment-secret'],
    secret: values.secret,
    tokens: oneOf('tokens', values.tokens, ['jwt', 'opaque']),
    checkRevocation: values['no-check-revocation']
      ? false
      : number('check-revocation', values['check-revocation'], 3600),
    defaultResource: values['default-resource'],
    requiredScopes: values['required-scopes'].split(/[\s,]+/).filter((each) => each !== ''),
    external: values.external,
    introspection: values.introspection,
    introspectionClient: values['introspection-client'],
    outbound: values.outbound,
    testControls: values['test-controls'],
  }
}

function oneOf<T extends string>(flag: string, value: string, choice: readonly T[]): T {
  const found = choice.find((each) => each === value)
  if (found === undefined) throw new Error(`--${flag} is one of ${choice.join(', ')}`)
  return found
}

function number(flag: string, value: string, max: number): number {
  const result = Number(value)
  if (value === '' || !Number.isInteger(result) || result < 0 || result > max)
    throw new Error(`--${flag} is a number from 0 to ${max}`)
  return result
}
