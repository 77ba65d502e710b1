export { upstream } from './upstream.ts'
export type { Admission, UpstreamOptions, UpstreamUser } from './options.ts'
