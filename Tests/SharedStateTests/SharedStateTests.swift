// SharedState
