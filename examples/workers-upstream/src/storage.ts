// Notes in Workers KV.
import { env } from 'cloudflare:workers'

export const storage = env.NOTES
