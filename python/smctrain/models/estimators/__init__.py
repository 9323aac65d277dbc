"""scikit-learn estimators over the native trainers. Import them from `smctrain.models`."""
