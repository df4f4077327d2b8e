// What a build is made of, as far as whoever builds says it. In C, since of Swift's settings none has a value.

/// The commit of the sources, such as `f79f40d50e23` or `f79f40d50e23-dirty`; empty where nobody told.
const char *triage_commit(void);
