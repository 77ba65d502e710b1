// As much of `oidc-provider` as is used here; it brings no types of its own.
declare module 'oidc-provider' {
  import type { RequestListener } from 'node:http'
  export default class Provider {
    constructor(issuer: string, configuration: object)
    callback(): RequestListener
    on(event: string, listener: (...parameters: never[]) => void): this
  }
}
