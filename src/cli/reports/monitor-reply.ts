import { QmpRefusal } from '../../qmp/refusal.ts'
import { encodeMessage } from '../../qmp/json.ts'
import type { MonitorReply } from '../../domain/devices/monitor-command.ts'

/** A reply of QEMU as text: in one line, or with `pretty` in many. */
export function replyText(
  reply: unknown,
  { pretty = false }: { readonly pretty?: boolean } = {},
): string {
  const line = encodeMessage(reply)
  // Part of a reply may come from a guest: a terminal must not obey it.
  return (pretty ? indented(line) : line).replaceAll(
    /[\u007f-\u009f\u2028\u2029]/g,
    (one) => `\\u${one.charCodeAt(0).toString(16).padStart(4, '0')}`,
  )
}

/** The value that QEMU returned. @throws QmpRefusal if it refused */
export function returnedBy(reply: MonitorReply, command: string): unknown {
  if ('return' in reply) return reply.return
  throw new QmpRefusal(command, reply.error.class, reply.error.desc)
}

/** Numbers stay as they are written: those of QEMU have 64 bits. */
function indented(line: string): string {
  return JSON.stringify(
    JSON.parse(line, (_key, value: unknown, context?: { readonly source?: string }) =>
      typeof value === 'number' && context?.source !== undefined
        ? JSON.rawJSON(context.source)
        : value,
    ),
    undefined,
    2,
  )
}
