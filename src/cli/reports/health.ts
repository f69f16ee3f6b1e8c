import type { HostHealth } from '../../domain/doctor/doctor.ts'
import type { Answer, Invocation } from '../verb.ts'

const MARKS = { ok: 'ok', warning: 'warning', error: 'ERROR' } as const

/** The report of `doctor`. If something does not work, prints it and then throws that, for the exit code. @throws StasisError */
export function healthReport(health: HostHealth, { output, json }: Invocation): Answer {
  const { findings, fixed, fault } = health
  const lines = findings.flatMap(({ verdict, text, remedy }) => [
    `${MARKS[verdict].padEnd(8)} ${text}`,
    ...(remedy === undefined ? [] : [`${' '.repeat(8)} -> ${remedy}`]),
  ])
  const text = [...fixed.map((one) => `${'fixed'.padEnd(8)} ${one}`), ...lines].join('\n')
  const answer = { text, json: { type: 'result', findings, fixed } }
  if (fault === undefined) return answer
  if (json) output.json(answer.json)
  else output.result(text)
  throw fault
}
