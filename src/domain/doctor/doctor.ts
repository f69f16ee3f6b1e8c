import { StasisError, throwIfCancelled } from '../../errors.ts'
import { type FilePath, givenPath } from '../../io/files/given-path.ts'
import { checkOptions } from '../store/check-options.ts'
import { qemuUser } from '../machine/qemu-user.ts'
import { resolveDirectories } from '../store/directories.ts'
import type { DomainOptions } from '../store/domain-options.ts'
import { CHECKS } from './checks.ts'
import { QEMU_USER } from './checks/qemu-user.ts'
import type { CheckedHost, Diagnosis, HealthCheck, Verdict } from './health-check.ts'

/** One result of the doctor. */
export interface Finding {
  /** The check that found it. */
  readonly check: string
  readonly verdict: Verdict
  readonly text: string
  readonly remedy?: string | undefined
}

/** The health of this host. */
export interface HostHealth {
  readonly findings: readonly Finding[]
  /** The changes, one sentence each. */
  readonly fixed: readonly string[]
  /** The error with which a command fails because of the first finding; `undefined` when nothing is wrong. */
  readonly fault: StasisError | undefined
}

/** The scope of an examination. */
export interface ExamineOptions extends DomainOptions {
  /** Mend the findings that can be mended. */
  readonly fix?: boolean | undefined
  /** A directory for images besides that of managed saves. */
  readonly saveDir?: FilePath | undefined
}

/**
 * Examines this host. With `fix` it mends some findings, and examines the host again; otherwise it changes nothing.
 * @throws StorageError when something cannot be examined or mended, UsageError, CancelledError
 * @example
 * const { findings, fault } = await examineHost()
 * for (const { verdict, text, remedy } of findings) if (verdict !== 'ok') console.log(verdict, text, remedy)
 */
export async function examineHost(options: ExamineOptions = {}): Promise<HostHealth> {
  checkOptions(options)
  const fixed: string[] = []
  const found: (Diagnosis & { readonly check: string })[] = []
  for (const check of CHECKS) {
    throwIfCancelled('examine this host', options.signal)
    // An earlier fix may have changed the conditions of this one.
    let diagnoses = await examine(check, options)
    const fixes = options.fix === true ? diagnoses.flatMap(({ fix }) => fix ?? []) : []
    for (const fix of fixes) fixed.push(await fix())
    if (fixes.length > 0) diagnoses = await examine(check, options)
    found.push(...diagnoses.map((one) => ({ ...one, check: check.name })))
  }
  return {
    findings: found.map(({ check, verdict, text, remedy }) => ({ check, verdict, text, remedy })),
    fixed,
    fault: found.find(({ verdict }) => verdict === 'error')?.cause,
  }
}

async function examine(check: HealthCheck, options: ExamineOptions): Promise<readonly Diagnosis[]> {
  let user: CheckedHost['user']
  try {
    user = await qemuUser()
  } catch (cause) {
    if (!(cause instanceof StasisError)) throw cause
    // The other checks examine the rest.
    if (check === QEMU_USER)
      return [{ verdict: 'error', text: cause.message, remedy: cause.hint, cause }]
  }
  return check.look({
    directories: resolveDirectories(options),
    root: process.geteuid?.() === 0,
    user,
    saveDir:
      options.saveDir === undefined ? undefined : givenPath(options.saveDir, 'the directory'),
    signal: options.signal,
  })
}
