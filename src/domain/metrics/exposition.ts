import type { Counters, LastAct } from './counters.ts'

/** How many domains are in each state. */
export type DomainCounts = Readonly<Record<'running' | 'saved' | 'shut off' | 'unknown', number>>

/** Metrics in Prometheus' text format (exposition formats, version 0.0.4). */
export function exposition({ ended, last }: Counters, domains: DomainCounts): string {
  return [
    ...family('stasis_acts_total', 'counter', 'Acts that ended, by how they ended.', () =>
      Object.entries(ended).map(([key, count]) => {
        const [act = '', outcome = ''] = key.split(' ')
        return [{ act, outcome }, count]
      }),
    ),
    ...GAUGES.flatMap(([name, help, field]) =>
      family(name, 'gauge', help, () =>
        Object.entries(last).map(([act, facts]) => [{ act }, facts[field]]),
      ),
    ),
    ...family('stasis_domains', 'gauge', 'Domains, by their state after the last act.', () =>
      Object.entries(domains).map(([state, count]) => [{ state }, count]),
    ),
    '',
  ].join('\n')
}

const GAUGES: readonly (readonly [name: string, help: string, field: keyof LastAct])[] = [
  ['stasis_last_act_time_seconds', 'When the last completed act ended.', 'timeSeconds'],
  ['stasis_last_act_duration_seconds', 'How long the last completed act took.', 'durationSeconds'],
  ['stasis_last_act_downtime_seconds', 'How long its guest was stopped.', 'downtimeSeconds'],
  ['stasis_last_act_image_bytes', 'The length of the image that it wrote.', 'imageBytes'],
  ['stasis_last_act_memory_bytes', 'The memory of its guest.', 'memoryBytes'],
]

type Sample = readonly [labels: Readonly<Record<string, string>>, value: number | undefined]

/** A metric with its samples; none without samples. */
function family(
  name: string,
  type: 'counter' | 'gauge',
  help: string,
  samples: () => readonly Sample[],
): readonly string[] {
  const lines = samples().flatMap(([labels, value]) => {
    const pairs = Object.entries(labels).map(([label, text]) => `${label}="${text}"`)
    return value === undefined ? [] : [`${name}{${pairs.join(',')}} ${value}`]
  })
  return lines.length === 0 ? [] : [`# HELP ${name} ${help}`, `# TYPE ${name} ${type}`, ...lines]
}
