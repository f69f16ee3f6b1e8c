import { readdir } from 'node:fs/promises'
import { SystemCallError, setAffinity } from '../../../io/system-calls.ts'
import { numberRanges } from '../../../qemu/domain-xml/values.ts'
import type { Domain } from '../../../qemu/domain-xml/model/domain.ts'
import type { QmpConnection } from '../../../qmp/connection.ts'

/**
 * Lets the threads of a QEMU run only on the processors of the host that its XML names. Threads that QEMU makes later run where their maker does. Where the
 * host has none of the processors, the threads run on any.
 */
export async function pinThreads(
  control: QmpConnection,
  pid: number,
  { pinning }: Pick<Domain, 'pinning'>,
  {
    signal,
    onWarning,
  }: {
    readonly signal?: AbortSignal | undefined
    readonly onWarning?: ((text: string) => void) | undefined
  },
): Promise<void> {
  const { usual, vcpus, emulator, iothreads } = pinning
  const pins = [usual, emulator, ...vcpus.values(), ...iothreads.values()]
  if (pins.every((pin) => pin === undefined)) return
  const wanted = new Map<number, readonly number[] | undefined>()
  for (const name of await readdir(`/proc/${pid}/task`)) wanted.set(Number(name), emulator ?? usual)
  for (const cpu of await control.execute('query-cpus-fast', {}, { signal }))
    wanted.set(cpu['thread-id'], vcpus.get(cpu['cpu-index']) ?? usual)
  for (const one of await control.execute('query-iothreads', {}, { signal }))
    wanted.set(one['thread-id'], iothreads.get(Number(one.id.replace('iothread', ''))) ?? usual)
  const impossible = new Set<string>()
  for (const [thread, processors] of wanted) {
    if (processors === undefined) continue
    try {
      setAffinity(thread, processors)
    } catch (error) {
      if (!(error instanceof SystemCallError)) throw error
      // The thread has ended.
      if (error.code !== 'ESRCH')
        impossible.add(`${numberRanges(processors).join(',')} (${error.code})`)
    }
  }
  if (impossible.size > 0)
    onWarning?.(
      `threads of QEMU are not bound to processors of the host: ${[...impossible].join(', ')}`,
    )
}
