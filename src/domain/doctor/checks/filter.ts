import { QemuError, StasisError } from '../../../errors.ts'
import { readProcessFile } from '../../../qemu/process/process-file.ts'
import { findEmulator } from '../../../qemu/probe/find-emulator.ts'
import { emulatorsOf } from '../emulators.ts'
import { type Diagnosis, type HealthCheck, right } from '../health-check.ts'

/** Whether the QEMUs of this host can filter their system calls, and change their user. */
export const FILTER: HealthCheck = {
  name: 'filter',
  async look({ directories, user, signal }) {
    const emulators = await emulatorsOf(directories, signal)
    if (emulators.length === 0) return [await noQemu()]
    const filters = emulators.map(({ probed }): Diagnosis => {
      const qemu = `QEMU ${probed.version} (${probed.emulator})`
      if (probed.sandbox)
        return right(`${qemu} filters its system calls and gives up new privileges`)
      return {
        verdict: 'warning',
        text: `${qemu} does not filter its system calls: it, or this kernel, has no seccomp`,
        remedy: 'Use the QEMU of a distribution, on a kernel with CONFIG_SECCOMP_FILTER',
      }
    })
    return user === undefined || (await mayChangeUser()) ? filters : [...filters, NO_CHANGE]
  },
}

async function noQemu(): Promise<Diagnosis> {
  const cause = await findEmulator().then(
    () => new QemuError('QEMU_START_FAILED', 'No QEMU of this host starts'),
    (error: unknown) => {
      if (error instanceof StasisError) return error
      throw error
    },
  )
  return { verdict: 'error', text: cause.message, remedy: cause.hint, cause }
}

const REFUSED =
  'QEMU cannot change to its user: this root may not (no CAP_SETUID and CAP_SETGID), as in some containers'

const NO_CHANGE: Diagnosis = {
  verdict: 'error',
  text: REFUSED,
  remedy: 'Give the container these capabilities, or set STASIS_QEMU_USER=root',
  cause: new QemuError('QEMU_START_FAILED', REFUSED),
}

// Linux include/uapi/linux/capability.h
const CAP_SETGID = 6n
const CAP_SETUID = 7n

async function mayChangeUser(): Promise<boolean> {
  const status = await readProcessFile(process.pid, 'status')
  const effective = BigInt(`0x${/^CapEff:\s*([0-9a-f]+)$/m.exec(status ?? '')?.[1] ?? '0'}`)
  return [CAP_SETGID, CAP_SETUID].every((one) => ((effective >> one) & 1n) === 1n)
}
