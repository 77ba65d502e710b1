import { ConfigurationError } from '../errors.ts'
import type { ResourceServer, ResourceServerOptions } from './types.ts'

/** First the types: the implementation follows. */
export function createResourceServer<P = unknown>(options: ResourceServerOptions): ResourceServer<P> {
  throw new ConfigurationError('resource', `is not guarded yet: ${String(options.resource)}`)
}
