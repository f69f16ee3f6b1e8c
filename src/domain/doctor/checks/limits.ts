import { mayLockMemory } from '../../../io/processes/resource-limits.ts'
import { readProcessFile } from '../../../qemu/process/process-file.ts'
import { definedDomains, namesOf } from '../definitions.ts'
import { type Diagnosis, type HealthCheck, right } from '../health-check.ts'

/** A save with 64 channels and as many files, a QEMU with its disks, and the files that Node keeps open. */
const LEAST_FILES = 1024

/** Whether this process, and the QEMUs that it starts, may open and lock enough. */
export const LIMITS: HealthCheck = {
  name: 'limits',
  async look({ directories }) {
    const limits = (await readProcessFile(process.pid, 'limits')) ?? ''
    const locking = (await definedDomains(directories)).filter(
      ({ domain }) => domain.memoryBacking.locked,
    )
    const locked = locking.length === 0 || mayLockMemory() ? [] : [mayNotLock(namesOf(locking))]
    return [openFiles(limits), ...locked]
  },
}

/** The finding about the hard limit of open files; `limits` is proc_pid_limits(5). */
function openFiles(limits: string): Diagnosis {
  const [, hard = ''] = /^Max open files\s+\S+\s+(\S+)/m.exec(limits) ?? []
  if (hard === '') return right('the limit of open files is unknown')
  if (hard === 'unlimited' || Number(hard) >= LEAST_FILES)
    return right(`a process may open ${hard} files`)
  return {
    verdict: 'warning',
    text: `a process may open only ${hard} files: a save over many channels may fail`,
    remedy: `Raise the hard limit to ${LEAST_FILES} or more (ulimit -Hn, limits.conf(5), LimitNOFILE=)`,
  }
}

function mayNotLock(names: string): Diagnosis {
  return {
    verdict: 'warning',
    text: `the memory of ${names} is to be locked, but this user may not lift the limit of locked memory`,
    remedy:
      'Start these guests as root, or raise the hard limit (ulimit -Hl, limits.conf(5), LimitMEMLOCK=)',
  }
}
