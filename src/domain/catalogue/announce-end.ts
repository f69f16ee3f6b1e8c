import { Configuration } from '../configuration/configuration.ts'
import { runAfterHooks } from '../hooks/run-hooks.ts'
import { thisAuthor } from '../journal/append-entry.ts'
import { logAct } from '../store/host/act-log.ts'
import type { Directories } from '../store/directories.ts'
import type { RuntimePaths } from '../store/runtime-paths.ts'
import type { Condition } from './condition.ts'

/** Runs the hooks after the end of a guest that no command has ended: it has powered off, or its QEMU has died. What fails is in the log of Stasis. */
export async function announceEnd(
  { name }: RuntimePaths,
  condition: Condition,
  directories: Directories,
): Promise<void> {
  const end = condition.kind === 'ended' ? condition.end : undefined
  if (condition.kind !== 'ended' || end === undefined || end.reason === 'saved') return
  const message = {
    ...({ event: 'after-end', act: 'end', domain: name, uuid: condition.record.uuid } as const),
    ...{ reason: end.reason, lastLines: end.lastLines },
    ...directories,
    by: thisAuthor(),
  }
  const warnings = await Configuration.read().then(
    ({ hooks }) => runAfterHooks(message, hooks, directories),
    (error: unknown) => [String(error)],
  )
  for (const text of warnings) await logAct(directories, name, text)
}
