/** The placeholder of a password that is not shown. No display takes it as its password. */
export const HIDDEN_PASSWORD = '*****'
