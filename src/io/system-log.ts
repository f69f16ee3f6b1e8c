import { libraryCalls } from './koffi.ts'

const invoke = libraryCalls({
  openlog: 'void openlog(const uint8_t *ident, int option, int facility)',
  syslog: 'void syslog(int priority, const char *format, ...)',
})

/** From syslog(3). */
const LOG_PID = 1
const LOG_DAEMON = 3 << 3
const LOG_NOTICE = 5

/** The C library keeps this pointer. */
const IDENT = Buffer.from('stasis\0')

/** Writes a line to the log of the system, which is the journal where systemd runs. Does nothing on a host without one. */
export function writeSystemLog(line: string): void {
  invoke('openlog', IDENT, LOG_PID, LOG_DAEMON)
  invoke('syslog', LOG_DAEMON | LOG_NOTICE, '%s', 'string', line)
}
