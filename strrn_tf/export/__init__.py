"""From trained networks to an exported folder: TFLite, SavedModel, model.json."""
