import {
  metrics,
  SpanStatusCode,
  trace,
  type MeterProvider,
  type Span,
  type Tracer,
  type TracerProvider,
} from '@opentelemetry/api'
import { methods, readOptions } from '../lib/options.ts'
import type { TollgateEvent } from '../types.ts'
import { attributesOf } from './attributes.ts'
import { createFlows } from './flows.ts'
import { createRecorder, type Recorder } from './metrics.ts'

/** Options of {@link telemetry}. */
export interface TelemetryOptions {
  /** Default: the one that the application registered with `@opentelemetry/api`. */
  meterProvider?: MeterProvider
  /**
   * For a span of each authorization, from the consent page to the tokens. Default: none; events of a request
   * still go onto the active span.
   */
  tracerProvider?: TracerProvider
}

/** Name of the meter and of the tracer (the instrumentation scope). */
const scope = 'tollgate'

/**
 * Turns events into OpenTelemetry metrics and span events: pass what it returns as `onEvent` to the guard,
 * the authorization server and the client, one for all of them.
 *
 * Metrics: the counters `tollgate.events`, `tollgate.requests` and `tollgate.tokens`, and the histograms
 * `tollgate.consent.duration`, `tollgate.redemption.duration` and `tollgate.retry_after`. No attribute names
 * a user, a client or a grant. Needs the optional peer dependency `@opentelemetry/api`. Stores nothing.
 *
 * @throws ConfigurationError if an option is wrong or unknown.
 *
 * @example
 * const onEvent = telemetry()
 * const rs = createResourceServer({ resource, authorizationServers: [as], onEvent })
 */
export function telemetry(options: TelemetryOptions = {}): (event: TollgateEvent) => void {
  const { meterProvider, tracerProvider } = readOptions('telemetry', options, {
    meterProvider: methods<MeterProvider>(['getMeter'], 'a MeterProvider of OpenTelemetry'),
    tracerProvider: methods<TracerProvider>(['getTracer'], 'a TracerProvider of OpenTelemetry'),
  })
  // At the first event, so that the application may register its provider after this call.
  let made: Recorder | undefined
  const recorder = (): Recorder =>
    (made ??= createRecorder((meterProvider ?? metrics.getMeterProvider()).getMeter(scope)))
  const tracer = tracerProvider?.getTracer(scope)
  const follow = createFlows<Span | undefined>({
    start: (event) => tracer && startSpan(tracer, event),
    event: (span, event) => span?.addEvent(event.type, attributesOf(event), new Date(event.at * 1000)),
    step: (step) => recorder().recordStep(step),
    end: (span, at) => span?.end(new Date(at * 1000)),
  })
  return (event) => {
    recorder().record(event)
    follow(event)
    const active = trace.getActiveSpan()
    active?.addEvent(event.type, attributesOf(event))
    if (event.level === 'alert') active?.setStatus({ code: SpanStatusCode.ERROR, message: event.type })
  }
}

const startSpan = (tracer: Tracer, event: TollgateEvent): Span =>
  tracer.startSpan('tollgate.authorization', {
    root: true,
    startTime: new Date(event.at * 1000),
    attributes: attributesOf({ type: event.type, at: event.at, level: 'info', ...about(event) }),
  })

const about = ({ issuer, clientId, grantId }: TollgateEvent): Partial<TollgateEvent> => ({
  ...(issuer === undefined ? {} : { issuer }),
  ...(clientId === undefined ? {} : { clientId }),
  ...(grantId === undefined ? {} : { grantId }),
})
