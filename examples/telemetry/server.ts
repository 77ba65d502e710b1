// The notes server on Node, with metrics for Prometheus and a readiness check:
// `node examples/telemetry/server.ts`
import { createServer } from 'node:http'
import { PrometheusExporter } from '@opentelemetry/exporter-prometheus'
import { MeterProvider } from '@opentelemetry/sdk-metrics'
import { health } from 'tollgate/health'
import { clientAddress, toNodeHandler } from 'tollgate/node'
import { cannotListen } from '../common/listening.ts'
import { memoryStore } from 'tollgate/store/memory'
import { telemetry } from 'tollgate/telemetry'
import { auth } from '../common/auth.ts'
import { handler } from '../common/handler.ts'
import { memory, notes } from '../common/notes.ts'

const { PORT = '8787', METRICS_PORT = '9464', PUBLIC_URL = `http://127.0.0.1:${PORT}` } = process.env

// Its own port, which the load balancer does not publish: http://127.0.0.1:9464/metrics
const prometheus = new PrometheusExporter({ host: '127.0.0.1', port: Number(METRICS_PORT) })
const onEvent = telemetry({ meterProvider: new MeterProvider({ readers: [prometheus] }) })

const { as, rs } = auth({ ...process.env, PUBLIC_URL }, { store: memoryStore(), clientAddress, onEvent })
const parts = as === undefined ? [rs] : [rs, as]
const guarded = rs.protect(notes(memory()))

const answer = handler({ as, rs }, guarded)

async function main(request: Request): Promise<Response> {
  if (new URL(request.url).pathname === '/ready') {
    const { ok, checks } = await health(...parts)
    return Response.json({ ok, checks }, { status: ok ? 200 : 503 })
  }
  return answer(request)
}

createServer(toNodeHandler(main))
  .on('error', cannotListen)
  .listen(Number(PORT), '127.0.0.1', () => {
    console.log(`Notes at ${rs.resources[0]}, metrics at http://127.0.0.1:${METRICS_PORT}/metrics`)
  })
