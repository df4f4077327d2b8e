#include "CBuild.h"

#define TEXT_OF(tokens) #tokens
#define TEXT(macro) TEXT_OF(macro)

const char *triage_commit(void) { return TEXT(SOURCE_COMMIT); }
